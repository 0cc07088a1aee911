"""The load generator as a process of its own, so that its CPU time is told apart."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from bench.environment import ROOT, BenchError


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request of a workload; sent again and again, each time under a new Idempotency-Key."""

    path: str
    key: str
    body: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What a run of the generator found; latencies from the first byte sent to the last received.

    ``per_second`` counts good answers only. ``failed`` are answers with another status or body,
    broken connections, and requests never answered.
    """

    per_second: float
    answers: int
    elapsed_seconds: float
    cpu_seconds: float
    failed: int
    failures: list[str]
    reconnects: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class LoadProcess:
    """The running generator. ``prepare`` a workload, then ``run`` it as often as wanted."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def prepare(
        self, *, port: int, requests: Sequence[HttpRequest], status: int, fragments: Sequence[str]
    ) -> None:
        """Formats the requests; a good answer has ``status`` and contains every fragment."""
        self._ask(
            {
                "do": "prepare",
                "host": "127.0.0.1",
                "port": port,
                "status": status,
                "fragments": list(fragments),
                "requests": [
                    {field.name: getattr(request, field.name) for field in fields(request)}
                    for request in requests
                ],
            }
        )

    def run(self, *, clients: int, seconds: float) -> LoadRun:
        """A closed loop of ``clients`` for ``seconds``."""
        return LoadRun(**self._ask({"do": "run", "clients": clients, "seconds": seconds}))

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError("the load generator has no pipes")
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the load generator ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def load_process(cores: Sequence[int]) -> Iterator[LoadProcess]:
    """A load generator kept to ``cores``, until the block ends."""
    process = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, cores)), sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield LoadProcess(process)
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
