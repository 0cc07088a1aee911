"""PostgreSQL and Valkey of one data folder, together; and the mending of a killed start."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from payments_project.local import environment, postgres, processes, valkey
from payments_project.local.environment import Environment
from payments_project.local.folder import DataFolder, FolderLock
from payments_project.local.processes import Child, Identity, Running
from payments_project.local.terminal import Problem, note, step

RUN_FILE = "run.json"


@dataclass(slots=True)
class Run:
    """The processes of this start, in the order in which they were started.

    Written down after every change, so that another process can stop what a killed one left.
    """

    folder: DataFolder
    supervisor: Identity
    children: list[Child] = field(default_factory=list)
    ready: bool = False
    url: str = ""

    def add(self, child: Child) -> None:
        self.children.append(child)
        self.write()

    def write(self) -> None:
        children = [child.running.written() for child in self.children]
        self.folder.write(
            RUN_FILE,
            {
                "supervisor": asdict(self.supervisor),
                "ready": self.ready,
                "url": self.url,
                "children": children,
            },
        )


def take(folder: DataFolder) -> FolderLock:
    """Takes the folder for this start; a ``Problem`` if another start has it."""
    folder.make()
    lock = folder.lock()
    if lock is None:
        written = folder.read(RUN_FILE)
        where = f" at {written['url']}" if written.get("url") else ""
        raise Problem(
            f"It runs already{where}, with the data in {folder.name}.",
            hint=(
                f"./dev status{folder.option}   shows its processes\n"
                f"./dev down{folder.option}     stops them"
            ),
        )
    return lock


def recorded(folder: DataFolder) -> list[Running]:
    """The processes of the last start that was not closed in order."""
    return [Running.read(content) for content in folder.read(RUN_FILE).get("children", [])]


def mend(folder: DataFolder) -> list[str]:
    """Stops what a killed start left running, the last started first; their names."""
    left = [one.name for one in reversed(recorded(folder)) if processes.stop_recorded(one)]
    folder.remove(RUN_FILE)
    return left


def mend_and_tell(folder: DataFolder) -> None:
    """``mend``, with a word about it."""
    if left := mend(folder):
        note(f"An earlier start was killed; stopped what it left: {', '.join(left)}.")


def start_engines(run: Run, *, durable: bool, public_url: str) -> Environment:
    """Starts both engines and writes the ``env`` file."""
    with step("PostgreSQL") as current:
        child, addresses = postgres.start(run.folder, current, durable=durable)
        run.add(child)
    with step("Valkey (Redis)") as current:
        child, redis_url = valkey.start(run.folder, current, durable=durable)
        run.add(child)
    return environment.write(
        run.folder, addresses=addresses, redis_url=redis_url, public_url=public_url
    )


@contextmanager
def engines_for_a_while(folder: DataFolder, *, durable: bool) -> Iterator[Environment]:
    """Both engines until the block ends: for tests and benches. The folder must be taken."""
    mend(folder)
    run = Run(folder, Identity.of(os.getpid()))
    try:
        yield start_engines(run, durable=durable, public_url="http://127.0.0.1:8000")
    finally:
        for child in reversed(run.children):
            processes.stop(child)
        folder.remove(RUN_FILE)
