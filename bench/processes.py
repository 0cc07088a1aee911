"""CPU time and memory of processes, read from /proc; and which cores they run on."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# Fields of /proc/PID/stat after the command's name (proc(5) counts from 1 and includes it).
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14

_POSTGRES_KINDS = {
    "walwriter": "postgres: WAL writer",
    "checkpointer": "postgres: checkpointer, writer",
    "background": "postgres: checkpointer, writer",
    "io": "postgres: checkpointer, writer",
    "autovacuum": "postgres: autovacuum",
}
POSTGRES_BACKENDS = "postgres: backends"


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """CPU seconds of a process: its own, and those of children that ended and were waited for."""

    parent: int
    own_seconds: float
    children_seconds: float


def read_times() -> dict[int, ProcessTimes]:
    """The times of every process that can be read, by its id."""
    times: dict[int, ProcessTimes] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            fields = _stat_fields(int(entry.name))
            times[int(entry.name)] = ProcessTimes(
                parent=int(fields[_PARENT]),
                own_seconds=(int(fields[_USER]) + int(fields[_SYSTEM])) / TICKS_PER_SECOND,
                children_seconds=(int(fields[_CHILDREN_USER]) + int(fields[_CHILDREN_SYSTEM]))
                / TICKS_PER_SECOND,
            )
    return times


def tree(root: int, times: dict[int, ProcessTimes]) -> list[int]:
    """``root`` and everything below it."""
    children: dict[int, list[int]] = {}
    for pid, process in times.items():
        children.setdefault(process.parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, ()))
    return found


class CpuMeter:
    """CPU seconds by kind of process between ``start`` and ``stop``.

    ``roots`` names each tree by its kind. A PostgreSQL server's tree is divided by what its
    processes do; a backend that ended in between is counted by the time that its parent got when
    it waited for it. A connection held open from before to after counts as any other.
    """

    def __init__(self, *, roots: dict[str, int], postgres: int | None = None) -> None:
        self._roots = roots
        self._postgres = postgres
        self._before: dict[int, ProcessTimes] = {}
        self._busy_before: dict[int, float] = {}

    def start(self) -> None:
        self._before = read_times()

    def stop(self) -> dict[str, float]:
        """CPU seconds by kind since ``start``."""
        after = read_times()
        seconds = {
            kind: sum(self._tree_seconds(root, after).values())
            for kind, root in self._roots.items()
        }
        if self._postgres is not None:
            for pid, spent in self._tree_seconds(self._postgres, after).items():
                kind = _postgres_kind(pid, self._postgres)
                seconds[kind] = seconds.get(kind, 0.0) + spent
        return seconds

    def _tree_seconds(self, root: int, after: dict[int, ProcessTimes]) -> dict[int, float]:
        members = tree(root, after)
        gone = [pid for pid in tree(root, self._before) if pid not in after]
        spent = {}
        for pid in members:
            if pid not in after:
                continue
            now, then = after[pid], self._before.get(pid)
            spent[pid] = now.own_seconds + now.children_seconds
            if then is not None:
                spent[pid] -= then.own_seconds + then.children_seconds
        # What a process had spent before ``start`` came to its parent when it ended.
        if root in spent:
            spent[root] -= sum(
                self._before[pid].own_seconds + self._before[pid].children_seconds for pid in gone
            )
        return spent


def memory_bytes(pid: int) -> tuple[int, int]:
    """Resident and proportional set size; the second shares a page among those that map it."""
    resident = proportional = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Rss":
            resident = int(rest.split()[0]) * 1024
        elif name == "Pss":
            proportional = int(rest.split()[0]) * 1024
    return resident, proportional


def busy_seconds(cores: Iterable[int]) -> float:
    """CPU seconds since boot in which the given cores worked for anybody (or were taken away)."""
    wanted = {f"cpu{core}" for core in cores}
    total = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if name in wanted:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, numbers[:8])
            total += (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    return total


def choose_cores(count: int) -> list[int]:
    """The last ``count`` cores that this process may use; all of them if there are no more."""
    return sorted(os.sched_getaffinity(0))[-count:]


@contextmanager
def pinned(roots: Iterable[int], cores: Iterable[int]) -> Iterator[None]:
    """Keeps the given processes, and all below them, on ``cores`` until the block ends.

    New children inherit it. Needs the right to move those processes: their user, or root.
    """
    cores = list(cores)
    before: dict[int, set[int]] = {}
    times = read_times()
    for root in roots:
        for pid in tree(root, times):
            with suppress(ProcessLookupError, FileNotFoundError):
                before[pid] = os.sched_getaffinity(pid)
                _set_affinity(pid, cores)
    try:
        yield
    finally:
        times = read_times()
        for root, roots_cores in before.items():
            for pid in tree(root, times):
                # A backend may have ended since it was listed.
                with suppress(ProcessLookupError, FileNotFoundError, PermissionError):
                    _set_affinity(pid, before.get(pid, roots_cores))


def _set_affinity(pid: int, cores: Iterable[int]) -> None:
    cores = list(cores)
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)


def _stat_fields(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    return text[text.rindex(")") + 2 :].split()


def _postgres_kind(pid: int, postmaster: int) -> str:
    if pid == postmaster:
        return POSTGRES_BACKENDS
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().split()
        if len(words) > 1:
            return _POSTGRES_KINDS.get(words[1], POSTGRES_BACKENDS)
    return POSTGRES_BACKENDS
