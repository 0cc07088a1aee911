"""Starting the product's web server for tests."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60


@dataclass
class Server:
    """A running web server; ``process`` is granian's main process. A test that fails shows the
    server it was given, and not the secrets in its environment."""

    url: str
    command: list[str] = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    log: Path
    process: subprocess.Popen[bytes]

    def start_again(self) -> None:
        """What a supervisor does once the process has died; returns when it answers."""
        self.process.wait(20)
        self.process = _spawn(self.command, self.environment, self.log)
        _wait_until_ready(self)


@contextmanager
def start_server(
    *, application: str = "payments_project.wsgi:application", workers: int = 1, **extra: str
) -> Iterator[Server]:
    """Runs ``application`` on a free port until the block ends; ``extra`` is environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = Path(tempfile.gettempdir()) / f"payments-test-server-{port}.log"
    log.unlink(missing_ok=True)
    # A server that crashes writes where, into its log.
    environment = os.environ | {"PUBLIC_URL": url, "PYTHONFAULTHANDLER": "1"} | extra
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
        "--port", str(port), "--workers", str(workers), "--blocking-threads", "16", "--no-ws",
        application,
    ]  # fmt: skip
    server = Server(url, command, environment, log, _spawn(command, environment, log))
    try:
        _wait_until_ready(server)
        yield server
    finally:
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGTERM)
            try:
                server.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.process.pid, signal.SIGKILL)
                server.process.wait()


def _spawn(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


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
