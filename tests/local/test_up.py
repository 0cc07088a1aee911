"""A whole start in a folder and on ports of its own: up, killed processes, status, down."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis
from celery import Celery
from kombu.exceptions import OperationalError

from payments_project.local.folder import ROOT, read_env
from payments_project.local.processes import MARK

SECONDS_MAX = 60
# Longer than Celery waits before it connects anew.
STEADY_SECONDS = 3.0
NAMES = ["postgres", "valkey", "worker", "webhooks", "consumers", "beat", "web"]

# One process runs them all, in this order, on the one start.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("start")]


@dataclass
class Start:
    """A data folder of its own and the port of its web server."""

    data: Path
    port: int

    def dev(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "payments_project.local", *arguments, f"--data={self.data}"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.dev("up", "--detach", f"--port={self.port}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self) -> dict[str, Any]:
        return json.loads((self.data / "run.json").read_text())

    def process_ids(self) -> dict[str, int]:
        return {child["name"]: child["identity"]["pid"] for child in self.run()["children"]}

    def key(self) -> dict[str, str]:
        credentials = json.loads((self.data / "credentials.json").read_text())
        return {"Authorization": f"Bearer {credentials['test_key']}"}

    def newest(self) -> str:
        listed = httpx.get(f"{self.url}/v1/transactions?limit=1", headers=self.key())
        return str(listed.json()["data"][0]["id"])

    def left(self) -> list[str]:
        """What runs with this folder's mark, whoever wrote it down."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.data / "logs"):
                    found.append(process.name())
            except psutil.Error:
                continue
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def is_ready(start: Start) -> bool:
    try:
        return httpx.get(f"{start.url}/readyz", timeout=2).json()["status"] == "ok"
    except (httpx.TransportError, ValueError):
        return False


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A start that is up; its folder held the numbers of an earlier one."""
    made = Start(tmp_path_factory.mktemp("start") / "data", free_port())
    made.data.mkdir()
    (made.data / ".payments-data").touch()
    (made.data / "metrics").mkdir()
    (made.data / "metrics" / "counter_1.db").write_text("left by an earlier start")
    done = made.up()
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        made.dev("down")


def test_up_returns_when_payments_can_be_taken_and_tells_how(start: Start):
    assert is_ready(start)
    assert start.newest()
    credentials = json.loads((start.data / "credentials.json").read_text())
    assert set(credentials) >= {
        "base_url", "admin_url", "admin_username", "admin_password", "test_key", "live_key",
        "publishable_test_key", "other_merchant_test_key",
    }  # fmt: skip
    assert credentials["base_url"] == start.url
    # They hold the console's password and the keys.
    for secret in ("credentials.json", "logs/up.log"):
        assert (start.data / secret).stat().st_mode & 0o777 == 0o600
    shown = start.dev("status")
    assert shown.returncode == 0
    assert all(f"● {name}" in shown.stdout for name in NAMES)


def test_the_demo_s_whole_walk_holds(start: Start):
    done = start.dev("demo")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it holds" in done.stdout


def test_the_numbers_of_metrics_lie_in_the_data_folder_and_begin_anew(start: Start):
    httpx.get(f"{start.url}/v1/balance", headers=start.key())
    web = psutil.Process(start.process_ids()["web"])
    mine = {str(worker.pid) for worker in web.children()}
    files = {path.stem.rpartition("_")[2] for path in (start.data / "metrics").iterdir()}
    assert files
    assert files <= mine
    assert "http_requests_total" in httpx.get(f"{start.url}/metrics").text


def test_a_second_start_on_the_folder_is_refused(start: Start):
    second = start.up()
    assert second.returncode == 1
    assert f"It runs already at {start.url}" in second.stderr


def test_of_two_starts_at_once_one_is_refused_and_the_other_goes_on_alone(tmp_path: Path):
    # A taken port, so that the one that has the folder ends at once.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        both = Start(tmp_path / "data", taken.getsockname()[1])
        with ThreadPoolExecutor(2) as pool:
            ended = [one.result() for one in [pool.submit(both.up) for _ in range(2)]]
    told = [one.stdout + one.stderr for one in ended]
    assert [one.returncode for one in ended] == [1, 1]
    for text in told:
        refused = text.count("It runs already") + text.count("is taken by")
        assert refused == 1
        assert text.count("Payment service") == text.count("is taken by")


def test_a_taken_port_is_refused_with_its_owner(start: Start, tmp_path: Path):
    refused = Start(tmp_path / "other", start.port).up()
    assert refused.returncode == 1
    assert f"Port {start.port} is taken by " in refused.stdout + refused.stderr


def is_worker_answering(start: Start) -> bool:
    """Whether both workers hear what is sent over Valkey: after a loss they connect anew."""
    url = read_env(start.data / "env")["REDIS_URL"]
    try:
        with (
            Celery(broker=url, set_as_current=False) as app,
            # Not one of the pool's, which may have been lost with an earlier Valkey.
            app.connection_for_write() as connection,
        ):
            return len(app.control.ping(timeout=2, limit=2, connection=connection)) == 2
    except (OperationalError, redis.exceptions.RedisError, OSError):
        return False


def wait_until_steady(start: Start) -> None:
    """Until all serve, and none has been started again for some seconds."""
    seen, since = start.process_ids(), time.monotonic()

    def is_steady() -> bool:
        nonlocal seen, since
        now = start.process_ids()
        if now != seen or not is_ready(start) or not is_worker_answering(start):
            seen, since = now, time.monotonic()
        return time.monotonic() - since > STEADY_SECONDS

    wait_for(is_steady)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_process_is_started_again(start: Start, name: str):
    wait_until_steady(start)
    before, log = start.process_ids(), start.data / "logs" / "up.log"
    told_before = len(log.read_text())

    os.kill(before[name], signal.SIGKILL)
    wait_for(lambda: start.process_ids()[name] != before[name])
    # What its death brings about later is this case's too, not the next one's.
    wait_until_steady(start)

    told = log.read_text()[told_before:]
    assert told.count(f"{name} was ended by signal SIGKILL, and was started again.") == 1
    # Celery's processes may end themselves when they lose Redis. Nobody else does, and the
    # supervisor ends nobody: that would be a signal.
    loses_redis = {"worker", "webhooks", "beat"} if name == "valkey" else set()
    by_itself = {other for other in loses_redis if f"{other} ended with exit code " in told}
    after = start.process_ids()
    assert {other for other in NAMES if after[other] != before[other]} == {name} | by_itself
    assert told.count("was started again.") == 1 + len(by_itself)


def test_killed_supervisor_then_up_then_down_keeps_the_data_and_leaves_no_process(start: Start):
    newest = start.newest()
    old = start.process_ids()
    os.kill(start.run()["supervisor"]["pid"], signal.SIGKILL)
    again = start.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert (
        "stopped what it left: web, beat, consumers, webhooks, worker, valkey, postgres"
        in again.stdout
    )
    assert not set(old.values()) & set(start.process_ids().values())
    assert start.newest() == newest

    down = start.dev("down")
    assert down.returncode == 0
    assert "web, beat, consumers, webhooks, worker, valkey, postgres" in down.stdout
    assert start.left() == []
    assert start.dev("status").returncode == 1
    assert (start.data / "postgres" / "PG_VERSION").read_text().strip() == "18"
