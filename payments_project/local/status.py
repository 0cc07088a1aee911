"""``./dev status``: the processes of a start, as they are now."""

import time
from collections.abc import Sequence

import psutil

from payments_project.local import engines
from payments_project.local.folder import DataFolder
from payments_project.local.processes import Identity, Running
from payments_project.local.terminal import say, styled, table


def show(*, data: str) -> int:
    """Shows what runs; 0 if all that was started does."""
    folder = DataFolder.named(data)
    recorded = engines.recorded(folder)
    written = folder.read(engines.RUN_FILE)
    say()
    if not recorded:
        say(f"Nothing runs with the data in {folder.name}. Start it with ./dev up{folder.option}.")
        say()
        return 1
    table(process_rows(recorded))
    say()
    supervisor = Identity(**written["supervisor"])
    alive = all(one.is_alive() for one in [supervisor, *(each.identity for each in recorded)])
    if not supervisor.is_alive():
        say(
            f"Its supervisor was killed: ./dev up{folder.option} mends it, "
            f"./dev down{folder.option} ends it."
        )
    elif alive and written.get("ready"):
        say(f"Ready at {styled(written['url'], 'cyan')}")
    elif alive:
        say("Starting.")
    else:
        say("Some are gone.")
    say()
    return 0 if alive else 1


def process_rows(processes: Sequence[Running]) -> list[list[str]]:
    """Name, id, address, memory, age and log of each process."""
    return [_row(running) for running in processes]


def _row(running: Running) -> list[str]:
    process = running.identity.process()
    mark = styled("●", "green") if process else styled("○", "red")
    memory = age = ""
    if process is not None:
        memory = f"{_memory(process) / 1024**2:6.0f} MiB"
        age = _age(time.time() - running.identity.started_at)
        if running.restarts:
            age += f", started again: {running.restarts}"
    state = f"pid {running.identity.pid}" if process else "gone"
    dim = [styled(text, "dim") for text in (running.address, memory, age, running.log)]
    return [f"{mark} {running.name}", state, *dim]


def _memory(process: psutil.Process) -> int:
    """Resident memory of a process and all below it; pages that they share count once each."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue
    return total


def _age(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{int(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
