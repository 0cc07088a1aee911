"""Processes of ours: started in sessions of their own, known by id and start time, stopped in order.

A process is only ever signalled by an id that this module wrote down, and only while the process
that has the id now also has the start time that was written down.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from payments_project.local.unprivileged import Privileges

# Start times are derived from the boot time, which moves a little when the clock is set.
_START_TIME_TOLERANCE_SECONDS = 2.0
_ASKED_SECONDS = 3.0
_ASK_AGAIN_SECONDS = 1.0
_LOG_BYTES_MAX = 20 * 1024 * 1024
# In the environment of every child, so that what a killed one left behind can be told as ours.
MARK = "PAYMENTS_STARTED_BY"


@dataclass(frozen=True, slots=True)
class Identity:
    """A process beyond doubt: its id can be given to another, its start time can't."""

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        return cls(pid, psutil.Process(pid).create_time())

    def is_alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        return self.process() is not None

    def send(self, number: int) -> None:
        """Sends a signal to that very process, if it still runs."""
        process = self.process()
        if process is not None:
            with suppress(psutil.Error):
                process.send_signal(number)

    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < _START_TIME_TOLERANCE_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started, as it is written down for a later ``down``."""

    name: str
    identity: Identity
    log: str
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 15.0
    address: str = ""
    asks_all: bool = False
    restarts: int = 0

    @classmethod
    def read(cls, content: dict[str, Any]) -> "Running":
        return cls(**content | {"identity": Identity(**content["identity"])})

    def written(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Child:
    """A process that this process started and is the parent of."""

    running: Running
    popen: "subprocess.Popen[bytes]" = field(repr=False)
    program: "Program"

    @property
    def name(self) -> str:
        return self.running.name

    def ended(self) -> bool:
        return self.popen.poll() is not None

    def end_of_log(self, lines: int = 25) -> str:
        return end_of(Path(self.running.log), lines)

    def how_it_ended(self) -> str:
        code = self.popen.poll()
        if code is None:
            return "still runs"
        if code < 0:
            return f"was ended by signal {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: a command with its place, environment, user, and the way to stop it.

    ``asks_all``: the signal is sent again and again, and to all that the program started too.
    """

    name: str
    command: Sequence[str]
    log: Path
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    privileges: Privileges = field(default_factory=Privileges)
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 15.0
    address: str = ""
    asks_all: bool = False


def start(program: Program, *, restarts: int = 0) -> Child:
    """Starts a program in a session of its own, so that Ctrl-C reaches it only through us."""
    with open_log(program.log) as log:
        popen = subprocess.Popen(
            [*program.privileges.prefix, *program.command],
            cwd=program.cwd,
            env=os.environ | dict(program.environment) | {MARK: str(program.log.parent)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **program.privileges.arguments,
        )
    running = Running(
        program.name,
        Identity.of(popen.pid),
        str(program.log),
        program.stop_signal,
        program.grace_seconds,
        program.address,
        program.asks_all,
        restarts,
    )
    return Child(running, popen, program)


def start_again(child: Child) -> Child:
    """Starts the program of a child that ended by itself; what it left behind is ended first."""
    stop(child)
    return start(child.program, restarts=child.running.restarts + 1)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def open_log(path: Path) -> Any:
    """Opens a log to append to; one that grew large makes room first."""
    if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
        path.replace(path.with_suffix(".log.1"))
    log = path.open("ab")
    log.write(f"\n--- {time.strftime('%Y-%m-%d %H:%M:%S')} ---\n".encode())
    log.flush()
    return log


def end_of(path: Path, lines: int = 25) -> str:
    """The last lines of a log, of the newest start only."""
    if not path.is_file():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 64 * 1024))
        text = log.read().decode(errors="replace")
    # Every start writes a line of its own first.
    newest = re.split(r"^--- .* ---$", text, flags=re.MULTILINE)[-1]
    return "\n".join(newest.strip("\n").splitlines()[-lines:])


class _Group:
    """What is alive of a child's group: itself, and what it started and may have left behind.

    Every child leads a session, so its id is its group's. The mark in their environment tells
    ours from a group that was given the same id later. A process that is about to end has no
    environment any more while it is still alive, so those that were known once are remembered.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._known: set[Identity] = set()

    def alive(self) -> set[Identity]:
        self._known = {member for member in self._known | self._found() if member.is_alive()}
        return self._known

    def send(self, number: int) -> None:
        """Sends a signal to all that is alive of it."""
        for member in self.alive():
            member.send(number)

    def _found(self) -> set[Identity]:
        leader, mark = self._running.identity, str(Path(self._running.log).parent)
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) != leader.pid:
                    continue
                leads = process.pid == leader.pid and leader.is_alive()
                if leads or process.environ().get(MARK) == mark:
                    found.add(Identity.of(process.pid))
        return found


def stop(child: Child, *, hurry: Callable[[], bool] = lambda: False) -> None:
    """Asks a child to stop, waits for all that it started, and ends what outlives its grace."""
    running = child.running
    group = _Group(running)
    if not child.ended():
        with suppress(ProcessLookupError):
            child.popen.send_signal(running.stop_signal)
        _wait_for(group, running, child.ended, hurry)
    _end(group)
    child.popen.wait()


def stop_recorded(running: Running) -> bool:
    """Stops a process that another, ended process of ours had started; False if none was left."""
    group = _Group(running)
    if not group.alive():
        return False
    leader = running.identity
    if leader.is_alive():
        leader.send(running.stop_signal)
        _wait_for(group, running, lambda: not leader.is_alive(), _never)
    _end(group)
    return True


def _wait(done: Callable[[], bool], seconds: float, hurry: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline and not hurry():
        time.sleep(0.05)


def _wait_for(
    group: _Group, running: Running, leader_ended: Callable[[], bool], hurry: Callable[[], bool]
) -> None:
    """Waits for a child and all that it started to end, as long as its grace lasts."""
    asked_at = time.monotonic()

    def done() -> bool:
        nonlocal asked_at
        if running.asks_all and time.monotonic() - asked_at > _ASK_AGAIN_SECONDS:
            asked_at = time.monotonic()
            group.send(running.stop_signal)
        return leader_ended() and not group.alive()

    _wait(done, running.grace_seconds, hurry)


def _never() -> bool:
    return False


def _end(group: _Group) -> None:
    """Ends what is left of a group: first asked, then killed."""
    for ask in (signal.SIGTERM, signal.SIGKILL):
        if not group.alive():
            return
        group.send(ask)
        # Not psutil's own waiting: it would take a child's exit code from its ``Popen``.
        _wait(lambda: not group.alive(), _ASKED_SECONDS, _never)
