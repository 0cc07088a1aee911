"""Engines and processes of a test's own, so that they can be killed."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from payments_project.local.valkey import server as valkey_server
from tests.schema.rows import OWNER, connect
from tests.server import ROOT

WAIT_SECONDS_MAX = 60


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Returns once ``condition`` holds; fails after a minute."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never came true: {what}")


def waits_for_a_lock(application: str) -> bool:
    """Whether a connection of that name to the tests' database waits for another's lock."""
    with connect(OWNER, autocommit=True) as owner:
        found = owner.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database())",
            [application],
        ).fetchone()
        return found is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class OwnRedis:
    """A Valkey that a test may kill and start again, on the same port, with what it had on disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = tempfile.TemporaryDirectory(prefix="payments-own-redis-")
        self.client = redis.Redis.from_url(self.url, socket_timeout=2)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                str(valkey_server()), "--port", str(self.port), "--bind", "127.0.0.1",
                "--dir", self.folder.name, "--save", "", "--appendonly", "yes",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self.answers, "Valkey answers")

    def answers(self) -> bool:
        with suppress(redis.exceptions.RedisError):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    engine = OwnRedis()
    try:
        yield engine
    finally:
        engine.kill()
        engine.client.close()
        engine.folder.cleanup()


class Celery:
    """A Celery process of the product; ``log`` is what it says."""

    application = "payments_project.celery"

    def __init__(self, *arguments: str, **environment: str) -> None:
        log = tempfile.NamedTemporaryFile(suffix=".log", delete=False)  # noqa: SIM115 (its own)
        self.log = Path(log.name)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", self.application, *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()

    def says(self, text: str) -> bool:
        assert self.process.poll() is None or text in self.log.read_text(), self.log.read_text()
        return text in self.log.read_text()

    def kill(self) -> None:
        """All of it at once, as a machine that loses its power would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def children(self) -> list[int]:
        """The processes of its pool."""
        place = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in place.read_text().split()]


class MortalCelery(Celery):
    """One whose processes die where ``CRASH_AT`` says."""

    application = "tests.faults.crashing_celery"


class Door:
    """A way to an engine that can be shut: a port of ours that leads to another.

    Shut, it refuses connections and breaks off those that are open, as an engine that is away.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.port = free_port()
        self.open_sockets: list[socket.socket] = []
        self.listener: socket.socket | None = None

    def open(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()

    def shut(self) -> None:
        listener, self.listener = self.listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for each in self.open_sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.open_sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self.target)
                self.open_sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=[one, other], daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
        other.shutdown(socket.SHUT_WR)
