"""``./dev up`` and ``./dev down``: everything on one machine, supervised by one process."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from payments_project.local import engines, processes, services, stack, summary
from payments_project.local.engines import Run
from payments_project.local.environment import Environment
from payments_project.local.folder import ROOT, DataFolder, FolderLock, open_private
from payments_project.local.ports import LOOPBACK, is_free
from payments_project.local.probe import wait_until_ready
from payments_project.local.processes import Identity
from payments_project.local.terminal import Problem, note, say, show_problem, step, styled

# Set for a supervisor in the background: the descriptor of the folder's lock, taken for it.
_DETACHED = "PAYMENTS_DETACHED"
_ENGINES = ("postgres", "valkey")
_STOP_SECONDS_MAX = 150
_STARTING_GRACE_SECONDS = 2.0


def start(*, data: str, port: int, fresh: bool) -> int:
    """Starts everything, shows what to open, and stays until Ctrl-C, ``down`` or a failure."""
    began = time.monotonic()
    folder = DataFolder.named(data)
    detached = os.environ.pop(_DETACHED, "")
    lock = FolderLock.inherited(int(detached)) if detached else engines.take(folder)
    run = Run(folder, Identity.of(os.getpid()), url=f"http://{LOOPBACK}:{port}")
    code = 0
    try:
        say()
        say(
            f"{styled('Payment service', 'bold')} {styled(f'with its data in {folder.name}', 'dim')}"
        )
        say()
        engines.mend_and_tell(folder)
        _require_free(port, folder)
        if fresh:
            _throw_away(folder)
        stack.forget_if_gone(folder)
        run.write()
        credentials = _bring_up(run, port)
        run.ready = True
        run.write()
        seconds = time.monotonic() - began
        summary.show(folder, credentials, seconds=seconds, detached=bool(detached))
        services.watch(run)
    except KeyboardInterrupt:
        say()
    except Problem as problem:
        show_problem(problem)
        code = 1
    finally:
        _close(run)
        lock.release()
    return code


def start_detached(*, data: str, port: int, fresh: bool) -> int:
    """The same in the background; returns when it is ready, or could not be made so."""
    folder = DataFolder.named(data)
    # Kept over to the supervisor: two that start at once must not write into one log.
    lock = engines.take(folder)
    command = [sys.executable, "-m", "payments_project.local", "up"]
    command += [f"--data={folder.path}", f"--port={port}", *(["--fresh"] if fresh else [])]
    colours = {"FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    # The console's password will stand in it.
    with open_private(folder.detached_log) as log:
        supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | colours | {_DETACHED: str(lock.fileno())},
            pass_fds=[lock.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    lock.release()
    try:
        return _follow(folder, supervisor)
    except KeyboardInterrupt:
        supervisor.terminate()
        return supervisor.wait()


def stop(*, data: str) -> int:
    """Stops what ``up`` started: by its supervisor, or one by one if that was killed."""
    folder = DataFolder.named(data)
    written = folder.read(engines.RUN_FILE)
    say()
    supervisor = Identity(**written["supervisor"]) if written.get("supervisor") else None
    found = supervisor.process() if supervisor else None
    if supervisor and found:
        with step("Stopping") as current:
            names = [running.name for running in reversed(engines.recorded(folder))]
            current.detail = ", ".join(names)
            with suppress(psutil.Error):
                found.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + _STOP_SECONDS_MAX
            while supervisor.is_alive():
                if time.monotonic() > deadline:
                    raise Problem(f"It does not stop (process {supervisor.pid}).")
                time.sleep(0.05)
    elif left := engines.mend(folder):
        say(f"The start was killed; stopped what it left: {', '.join(left)}.")
    else:
        say(f"Nothing runs with the data in {folder.name}.")
    if stack.running_stack(folder):
        note(f"Kafka and Elasticsearch go on; ./dev stack down{folder.option} stops them.")
    say()
    return 0


def _bring_up(run: Run, port: int) -> dict[str, str]:
    environment = engines.start_engines(run, durable=True, public_url=run.url)
    with step("Schema") as current:
        services.migrate(environment, current)
    with step("Demo data") as current:
        services.seed_demo(environment, current)
    with step("Web, workers, beat") as current:
        for program in services.programs(environment, port=port):
            run.add(processes.start(program))
        wait_until_ready(run, current)
    return _complete_credentials(environment, run.url)


def _complete_credentials(environment: Environment, url: str) -> dict[str, str]:
    """Adds the addresses to the keys and the login that the demo data wrote."""
    folder = environment.folder
    credentials: dict[str, str] = folder.read(folder.credentials_file.name)
    credentials |= {"base_url": url, "admin_url": f"{url}/admin/"}
    credentials["payment_method"] = summary.payment_method(credentials)
    folder.write(folder.credentials_file.name, credentials)
    return credentials


def _require_free(port: int, folder: DataFolder) -> None:
    if is_free(port):
        return
    owner = ""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                process = psutil.Process(connection.pid) if connection.pid else None
                owner = f" by {process.name()} (process {process.pid})" if process else ""
    raise Problem(
        f"Port {port} is taken{owner}.",
        hint=f"Choose another:  ./dev up{folder.option} --port {port + 1}",
    )


def _throw_away(folder: DataFolder) -> None:
    with step("Throwing data away") as current:
        current.detail = folder.name
        stack.stop_stack(folder)
        folder.empty()


def _close(run: Run) -> None:
    """Stops all in order: web first, so that its requests finish, and the engines last."""
    began = time.monotonic()
    asked_again = [False]

    def ask_again(_signal: int, _frame: Any) -> None:
        asked_again[0] = True

    def hurry() -> bool:
        # A web server that is still starting serves nobody, and is slow to hear a signal.
        starting = not run.ready and time.monotonic() - began > _STARTING_GRACE_SECONDS
        return asked_again[0] or starting

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_again)
    if run.children:
        with step("Stopping") as current:
            stopped: list[str] = []
            for child in reversed(run.children):
                current.detail = ", ".join([*stopped, f"{child.name}…"])
                # The engines are always given the time to close their files.
                patient = child.name in _ENGINES
                processes.stop(child, hurry=_never if patient else hurry)
                stopped.append(child.name)
            current.detail = ", ".join(stopped)
    run.folder.remove(engines.RUN_FILE)


def _never() -> bool:
    return False


def _follow(folder: DataFolder, supervisor: "subprocess.Popen[bytes]") -> int:
    """Shows what the supervisor prints until it is ready or has ended."""
    with Path(folder.detached_log).open("rb") as log:
        while True:
            ended = supervisor.poll()
            written = folder.read(engines.RUN_FILE)
            ready = written.get("ready") and written["supervisor"]["pid"] == supervisor.pid
            text = log.read()
            if text:
                # Nobody may be reading any more; it starts all the same.
                with suppress(BrokenPipeError):
                    sys.stdout.buffer.write(text)
                    sys.stdout.flush()
            elif ended is not None:
                return ended
            elif ready and summary.END in folder.detached_log.read_text():
                return 0
            time.sleep(0.1)
