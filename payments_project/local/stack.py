"""``./dev stack``: real Kafka and Elasticsearch beside the embedded engines.

They go on running until ``./dev stack down``; their addresses are in the folder's ``stack.env``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from payments_project.local import elasticsearch, kafka, processes
from payments_project.local.folder import DataFolder, read_env, write_env
from payments_project.local.processes import Child, Running
from payments_project.local.status import process_rows
from payments_project.local.terminal import note, say, step, styled, table

_STATE = "stack.json"


def up(*, data: str) -> int:
    """Starts what does not run yet, and returns when both answer."""
    folder = DataFolder.named(data)
    folder.make()
    say()
    running = running_stack(folder)
    if len(running) == 2:
        say("Kafka and Elasticsearch run already.")
    else:
        stop_stack(folder)
        start_stack(folder)
    say()
    table([[styled(name, "dim"), value] for name, value in _addresses(folder).items()])
    say()
    say(f"Written to {folder.name}/stack.env, which every later ./dev up on this data reads.")
    say(f"Stop them with ./dev stack down{folder.option}.")
    say()
    return 0


def down(*, data: str) -> int:
    """Stops both."""
    folder = DataFolder.named(data)
    say()
    if not stop_stack(folder):
        say("Kafka and Elasticsearch do not run.")
    say()
    return 0


def status(*, data: str) -> int:
    """Shows both; 0 if both run."""
    folder = DataFolder.named(data)
    running = running_stack(folder)
    say()
    if not running:
        say(f"Kafka and Elasticsearch do not run. Start them with ./dev stack up{folder.option}.")
    else:
        table(process_rows(running))
    say()
    return 0 if len(running) == 2 else 1


def running_stack(folder: DataFolder) -> list[Running]:
    """Those of the folder's stack that are alive."""
    recorded = [Running.read(content) for content in folder.read(_STATE).get("processes", [])]
    return [running for running in recorded if running.identity.is_alive()]


def forget_if_gone(folder: DataFolder) -> None:
    """Drops the addresses of a stack that no longer runs, and says so."""
    if folder.stack_env_file.is_file() and len(running_stack(folder)) < 2:
        note("Kafka and Elasticsearch of an earlier start are gone: going on without them.")
        say(styled(f"  ./dev stack up{folder.option} starts them again.", "dim"))
        folder.stack_env_file.unlink()


def start_stack(folder: DataFolder) -> None:
    """Starts both side by side; neither is left running if the other fails."""
    if not kafka.is_fetched():
        with step("Kafka's files") as current:
            kafka.fetch(current)
    if not elasticsearch.is_fetched():
        with step("Elasticsearch's files") as current:
            elasticsearch.fetch(current)
    started: list[Child] = []
    try:
        for launch in (elasticsearch.launch, kafka.launch):
            started.append(launch(folder))
            _write_state(folder, started)
        node, broker = started
        with step("Kafka") as current:
            bootstrap_servers = kafka.wait_until_ready(broker, current)
        with step("Elasticsearch") as current:
            url = elasticsearch.wait_until_ready(node, current)
    except BaseException:
        for child in started:
            processes.stop(child)
        folder.remove(_STATE)
        raise
    write_env(
        folder.stack_env_file,
        {"KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, "ELASTICSEARCH_URL": url},
    )


def stop_stack(folder: DataFolder) -> bool:
    """Stops what was started for the folder; False if nothing was."""
    folder.stack_env_file.unlink(missing_ok=True)
    recorded = [Running.read(content) for content in folder.read(_STATE).get("processes", [])]
    alive = [running for running in recorded if running.identity.is_alive()]
    for running in alive:
        with step(f"Stopping {running.name}"):
            processes.stop_recorded(running)
    folder.remove(_STATE)
    return bool(alive)


@contextmanager
def for_a_while(folder: DataFolder) -> Iterator[None]:
    """Both until the block ends; one that ran before is used and left running."""
    if len(running_stack(folder)) == 2:
        yield
        return
    stop_stack(folder)
    start_stack(folder)
    try:
        yield
    finally:
        for running in running_stack(folder):
            processes.stop_recorded(running)
        folder.stack_env_file.unlink(missing_ok=True)
        folder.remove(_STATE)


def _write_state(folder: DataFolder, started: list[Child]) -> None:
    folder.write(_STATE, {"processes": [child.running.written() for child in started]})


def _addresses(folder: DataFolder) -> dict[str, str]:
    return read_env(folder.stack_env_file)
