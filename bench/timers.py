"""A process beside the bench that times something in its own database: Django has one a process.

It answers one line of JSON on its output for each on its input.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.environment import ROOT, BenchError, Database, product_environment


class Timer:
    """The bench's end of it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def ask(self, question: dict[str, Any]) -> Any:
        """The answer to one question. Raises ``BenchError`` if the process has ended."""
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError("the timer has no pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the timer ended")
        return json.loads(line)


@contextmanager
def timer_process(database: Database, module: str) -> Iterator[Timer]:
    """Runs ``python -m module`` on the database until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=os.environ | product_environment(database),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Timer(process)
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(30)
