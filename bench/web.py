"""The product's web server, started for a bench."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.environment import ROOT, BenchError
from bench.processes import read_times, tree

APPLICATION = "payments_project.wsgi:application"
START_SECONDS_MAX = 60
# As payments_project.local.services starts it on two cores: processes, and threads of each that
# run requests.
WORKERS, THREADS = 2, 4


@dataclass(frozen=True, slots=True)
class Web:
    """A running web server; ``pid`` is granian's main process, its workers are below it."""

    port: int
    pid: int
    log: Path

    def workers(self) -> list[int]:
        """The process ids that answer requests."""
        return [pid for pid in tree(self.pid, read_times()) if pid != self.pid]


@contextmanager
def start_web(
    *,
    environment: Mapping[str, str],
    workers: int,
    threads: int,
    cores: Sequence[int],
    application: str = APPLICATION,
    ready_path: str = "/healthz",
) -> Iterator[Web]:
    """Runs the product's web server on a free port, kept to ``cores``, until the block ends.

    ``threads`` are those that run requests, per worker.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    descriptor, log_name = tempfile.mkstemp(prefix="payments-bench-web-", suffix=".log")
    with os.fdopen(descriptor, "wb") as log:
        process = subprocess.Popen(
            [
                "taskset", "-c", ",".join(map(str, cores)),
                sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
                "--port", str(port), "--workers", str(workers),
                "--blocking-threads", str(threads), "--no-ws", application,
            ],
            cwd=ROOT,
            env=os.environ | dict(environment) | {"PUBLIC_URL": url, "WEB_CORE_PER_PROCESS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    web = Web(port, process.pid, Path(log_name))
    try:
        _wait_until_ready(web, process, f"{url}{ready_path}")
        yield web
    finally:
        _stop(process)
        web.log.unlink(missing_ok=True)


def _wait_until_ready(web: Web, process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise BenchError(f"the web server did not start:\n{web.log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
