"""Starting the product's web server for tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60


@dataclass
class Server:
    """A running web server; ``process`` is granian's main process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def start_server(
    *, application: str = "payments_project.wsgi:application", workers: int = 1, **extra: str
) -> Iterator[Server]:
    """Runs ``application`` on a free port until the block ends; ``extra`` is environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = Path("/tmp") / f"payments-test-server-{port}.log"  # noqa: S108
    environment = os.environ | {"PUBLIC_URL": url} | extra
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
                "--port", str(port), "--workers", str(workers), "--blocking-threads", "16",
                "--no-ws", application,
            ],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(url, process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if httpx.get(f"{server.url}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{server.log.read_text()[-4000:]}")
