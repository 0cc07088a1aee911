"""The data folder of a start: everything that it writes is in it, and nothing else is.

.payments-data      the marker: only a folder that carries it is ever emptied
env                 secrets and addresses, read by payments_project.settings.local
stack.env           addresses of Kafka and Elasticsearch while they run
credentials.json    the demo's keys and the console's login
ports.json          the ports that were free the first time, kept over restarts
run.json            the processes of the running start, with their start times
postgres/ valkey/ kafka/ elasticsearch/ logs/
"""

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from payments_project.local.terminal import Problem

ROOT = Path(__file__).resolve().parents[2]
USUAL = ".local"
_MARKER = ".payments-data"
_LOCK = "lock"
_DETACHED_LOG = "up.log"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data folder by its path; nothing exists before ``make``."""

    path: Path

    @classmethod
    def named(cls, name: str) -> "DataFolder":
        """By a path as given on the command line, relative to the project.

        ``Problem`` if a file is in its way.
        """
        folder = cls((ROOT / name).resolve())
        path = folder.path
        nearest = next(place for place in (path, *path.parents) if place.exists())
        if not nearest.is_dir():
            raise Problem(
                f"{cls(nearest).name} is a file, and no folder for data.",
                hint="Name another one with --data.",
            )
        return folder

    @property
    def name(self) -> str:
        """The path as a person would write it: short if it is below the project."""
        return str(self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path)

    @property
    def option(self) -> str:
        """What a command to paste needs to mean this folder: nothing for the usual one."""
        return "" if self.name == USUAL else f" --data {shlex.quote(self.name)}"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def env_file(self) -> Path:
        return self.path / "env"

    @property
    def stack_env_file(self) -> Path:
        return self.path / "stack.env"

    @property
    def credentials_file(self) -> Path:
        return self.path / "credentials.json"

    @property
    def superuser_file(self) -> Path:
        return self.path / "superuser"

    @property
    def detached_log(self) -> Path:
        return self.logs / _DETACHED_LOG

    @property
    def is_ours(self) -> bool:
        return (self.path / _MARKER).is_file()

    def make(self) -> None:
        """Makes the folder, or takes an empty or an earlier one; refuses any other."""
        if self.path.exists() and not self.is_ours and any(self.path.iterdir()):
            raise Problem(
                f"{self.name} is not a data folder of this project, and not empty.",
                hint="Name another one with --data.",
            )
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Problem(
                f"{self.name} can't be made: {error.strerror}.",
                hint="Name another one with --data.",
            ) from error
        # The database server may run as another user and must be able to pass through.
        self.path.chmod(0o755)
        (self.path / _MARKER).write_text("Made by ./dev; --fresh empties this folder.\n")

    def empty(self) -> None:
        """Removes all that was made in the folder; only ever one that carries the marker."""
        if not self.is_ours:
            return
        for entry in self.path.iterdir():
            if entry.name in (_MARKER, _LOCK):
                continue
            if entry.is_dir() and not entry.is_symlink():
                _remove_tree(entry)
            else:
                entry.unlink()
        self.make()

    def read(self, name: str) -> Any:
        """A JSON file of the folder; an empty dict if it is missing or was cut short."""
        try:
            return json.loads((self.path / name).read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def write(self, name: str, content: Any) -> None:
        """A JSON file of the folder, readable by its owner alone, replaced in one step."""
        write_private(self.path / name, json.dumps(content, indent=2) + "\n")

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def lock(self) -> "FolderLock | None":
        """Takes the folder for this process; None if another has it."""
        return FolderLock.take(self.path / _LOCK)


class FolderLock:
    """A lock that the kernel gives back, however its process ends."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file

    @classmethod
    def take(cls, path: Path) -> "FolderLock | None":
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return cls(file)

    @classmethod
    def inherited(cls, descriptor: int) -> "FolderLock":
        """The lock that the process that started this one took, and gave it by its descriptor."""
        return cls(os.fdopen(descriptor, "w"))

    def fileno(self) -> int:
        return self._file.fileno()

    def release(self) -> None:
        """Gives it back, unless a process that was started with its descriptor still has it."""
        self._file.close()


def open_private(path: Path) -> BinaryIO:
    """A new file to write to, in place of an old one, that its owner alone can read."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_private(path: Path, text: str) -> None:
    """Writes a file that its owner alone can read; readers see the old one or the new one."""
    unfinished = path.with_name(f"{path.name}.new")
    with open_private(unfinished) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def read_env(path: Path) -> dict[str, str]:
    """``KEY=VALUE`` lines of a file; empty if there is none."""
    if not path.is_file():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {key: value for key, value in pairs if not key.startswith("#")}


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Writes ``KEY=VALUE`` lines for its owner alone."""
    write_private(path, "".join(f"{key}={value}\n" for key, value in values.items()))


def _remove_tree(path: Path) -> None:
    if path.name == "logs":
        for entry in path.iterdir():
            # A detached start writes here while it empties the folder.
            if entry.name != _DETACHED_LOG:
                entry.unlink()
        return
    shutil.rmtree(path)
