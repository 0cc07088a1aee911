"""What a web process does for the processor's caches."""

import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

from payments_project.web_process import _whole_huge_pages

ROOT = Path(__file__).resolve().parents[2]
KIB = 1024


def run_python(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def _version(release: str) -> tuple[int, int]:
    major, minor = release.split(".")[:2]
    return int(major), int(minor)


def test_only_whole_huge_pages_of_private_memory_are_moved() -> None:
    maps = """\
00946000-00a85000 rw-p 00546000 fe:00 14029 /usr/bin/python3.11
31000000-31a00000 rw-p 00000000 00:00 0 [heap]
7f0000100000-7f0000700000 rw-p 00000000 00:00 0
7f0000900000-7f0000a00000 rw-p 00000000 00:00 0
7f0001000000-7f0001400000 r-xp 00000000 fe:00 14030 /usr/lib/libssl.so.3
7f0002000000-7f0002400000 rw-s 00000000 00:01 7 /dev/zero (deleted)
7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0 [stack]
"""
    assert list(_whole_huge_pages(maps)) == [
        (0x31000000, 0xA00000),
        (0x7F0000200000, 0x400000),
    ]


def test_memory_lies_on_huge_pages_afterwards() -> None:
    printed = run_python(
        """
        from pathlib import Path
        from payments_project.web_process import move_to_huge_pages

        kept = [bytes(1000) for _ in range(50_000)]
        move_to_huge_pages()
        print(Path("/proc/self/smaps_rollup").read_text())
        """
    )
    sizes = {line.split(":")[0]: line.split()[1] for line in printed.splitlines()[1:] if line}
    # The kernel's own number: before 6.1 it has no such call.
    can_move = sys.platform == "linux" and _version(platform.release()) >= (6, 1)
    assert (int(sizes["AnonHugePages"]) * KIB >= 20 * KIB**2) == can_move


def test_siblings_keep_to_cores_of_their_own() -> None:
    program = """
        import sys
        from payments_project.web_process import keep_to_one_core

        print(keep_to_one_core(), flush=True)
        sys.stdin.read()
        """
    cores = sorted(os.sched_getaffinity(0))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2 * len(cores))
    ]
    try:
        chosen = [int(process.stdout.readline()) for process in started if process.stdout]
        kept_to = [os.sched_getaffinity(process.pid) for process in started]
    finally:
        for process in started:
            process.communicate(timeout=60)

    assert sorted(chosen) == sorted(cores * 2)
    assert kept_to == [{core} for core in chosen]


def test_threads_that_wake_up_interrupt_nobody() -> None:
    printed = run_python(
        """
        import os
        import threading
        from payments_project.web_process import let_work_finish

        let_work_finish()
        thread = threading.Thread(target=lambda: print(os.sched_getscheduler(0), os.SCHED_BATCH))
        thread.start()
        thread.join()
        """
    )
    policy, batch = printed.split()
    assert policy == batch
