"""The product's own processes, as benches run them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.environment import ROOT, BenchError

STOP_SECONDS_MAX = 30


@contextmanager
def product_process(
    command: Sequence[str], *, cores: Sequence[int], environment: Mapping[str, str]
) -> Iterator[None]:
    """Runs ``python`` with ``command``, kept to ``cores``, until the block ends. Raises
    ``BenchError`` if it ended by itself."""
    process = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, cores)), sys.executable, *command],
        cwd=ROOT,
        env=os.environ | dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        if process.poll() is not None:
            raise BenchError(f"{' '.join(command)} ended by itself")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
