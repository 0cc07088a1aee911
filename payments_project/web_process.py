"""What a web process does for the processor's caches once it has loaded the product.

A payment's Python is short, but walks across much of a loaded Django: it costs three times as much
when code and data have to be fetched from far as when they lie near. docs/benchmarks.md has what
each of these is worth.
"""

import ctypes
import fcntl
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

_HUGE_PAGE = 2 * 1024**2
# From <linux/mman.h>, since Linux 6.1.
_MADV_COLLAPSE = 25


def move_to_huge_pages() -> None:
    """Puts the process's private memory, as it is now, on huge pages.

    With pages of 4 KiB the processor keeps looking up where things are; most distributions give
    larger ones only on demand, and Python makes none. Memory that is mapped later has the pages it
    always had. Nothing happens before Linux 6.1, elsewhere, or where no huge page is free.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, size in _whole_huge_pages(Path("/proc/self/maps").read_text()):
        libc.madvise(start, size, _MADV_COLLAPSE)


def keep_to_one_core() -> int | None:
    """Keeps this process, and all threads that it starts from now on, to one core; returns which.

    It is the one, of those that the process may use, that fewest of its siblings are kept to.
    For servers that have the machine to themselves: others don't know which core is taken. None
    where processes can't be kept to cores.
    """
    if sys.platform != "linux":
        return None
    # One after the other: processes that start together would all choose the same.
    with (Path(tempfile.gettempdir()) / f"payments-cores-{os.getuid()}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken = Counter(_cores_of_siblings())
        core = min(sorted(os.sched_getaffinity(0)), key=lambda core: taken[core])
        os.sched_setaffinity(0, {core})
    return core


def let_work_finish() -> None:
    """Has this process, and all threads that it starts from now on, interrupt nobody by waking up.

    A thread whose answer has come waits until the one that runs has to wait itself, instead of
    taking the core, and the caches, away from it (Linux's SCHED_BATCH). Its share of the core stays
    the same.
    """
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _whole_huge_pages(maps: str) -> Iterator[tuple[int, int]]:
    """Address and size of what, in the private memory of ``/proc/PID/maps``, could be one or more
    whole huge pages."""
    for line in maps.splitlines():
        span, rights, _offset, _device, _inode, *name = line.split(maxsplit=5)
        if rights != "rw-p" or name not in ([], ["[heap]"]):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        start, end = -(-start // _HUGE_PAGE) * _HUGE_PAGE, end // _HUGE_PAGE * _HUGE_PAGE
        if start < end:
            yield start, end - start


def _cores_of_siblings() -> Iterator[int]:
    """The core of each process of the same parent that is kept to one."""
    for process in psutil.Process(os.getppid()).children():
        try:
            cores = process.cpu_affinity()
        except psutil.Error:
            continue
        if process.pid != os.getpid() and len(cores) == 1:
            yield cores[0]
