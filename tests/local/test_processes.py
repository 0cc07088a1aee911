"""Stopping: ours, in full, and never anybody else's."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from payments_project.local import engines, processes
from payments_project.local.engines import Run
from payments_project.local.folder import DataFolder
from payments_project.local.processes import Child, Identity, Program

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('ready', flush=True); time.sleep(60)"
)
# Starts another process, tells its id, and dies without it.
PARENT = (
    "import os, subprocess, sys;"
    f" print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True); os._exit(0)"
)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    return made


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def run(folder: DataFolder, script: str, grace_seconds: float = 5) -> Child:
    log = folder.logs / "child.log"
    command = [sys.executable, "-c", script]
    return processes.start(Program("child", command, log, folder.path, grace_seconds=grace_seconds))


def log_of(child: Child, word: str = "") -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        text = child.end_of_log()
        if text and word in text:
            return text
        time.sleep(0.02)
    raise AssertionError("the child wrote nothing")


def test_a_child_is_asked_to_stop(folder: DataFolder):
    child = run(folder, SLEEP)
    processes.stop(child)
    assert child.how_it_ended() == "was ended by signal SIGTERM"


def test_a_child_that_does_not_listen_is_killed_after_its_grace(folder: DataFolder):
    child = run(folder, STUBBORN, grace_seconds=0.2)
    log_of(child, "ready")
    processes.stop(child)
    assert child.how_it_ended() == "was ended by signal SIGKILL"


def test_what_a_dead_child_left_behind_is_ended_too(folder: DataFolder):
    child = run(folder, PARENT)
    orphan = Identity.of(int(log_of(child)))
    child.popen.wait()
    assert orphan.is_alive()
    assert processes.stop_recorded(child.running)
    assert not orphan.is_alive()


def test_a_process_that_got_a_recorded_id_later_is_left_alone(
    folder: DataFolder, stranger: subprocess.Popen[bytes]
):
    child = run(folder, SLEEP)
    processes.stop(child)
    earlier = Identity(stranger.pid, time.time() - 3600)
    recorded = replace(child.running, identity=earlier)
    assert not earlier.is_alive()
    assert not processes.stop_recorded(recorded)
    assert stranger.poll() is None


def test_the_next_start_stops_what_a_killed_one_left(folder: DataFolder):
    child = run(folder, SLEEP)
    gone = Identity(psutil.Process().pid, 0.0)
    Run(folder, gone, [child]).write()
    assert engines.mend(folder) == ["child"]
    assert child.ended()
    assert engines.mend(folder) == []


def test_the_end_of_a_log_is_that_of_the_newest_start(folder: DataFolder):
    first = run(folder, "print('one')")
    first.popen.wait()
    second = run(folder, "print('two'); print('three')")
    second.popen.wait()
    assert second.end_of_log() == "two\nthree"
    third = run(folder, "pass")
    third.popen.wait()
    assert third.end_of_log() == ""
