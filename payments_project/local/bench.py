"""``./dev bench NAME``: a benchmark on durable engines of its own."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from bench import BENCHES, WITH_STACK
from payments_project.local import engines, postgres, stack
from payments_project.local.environment import inherited
from payments_project.local.folder import ROOT, DataFolder, read_env
from payments_project.local.terminal import say


def run_bench(arguments: Sequence[str]) -> int:
    """Runs the benchmark with the arguments; its exit code.

    Where they name none, the benches are listed, and nothing is started.
    """
    command = [sys.executable, "-m", "bench", *arguments]
    if not arguments or arguments[0] not in BENCHES:
        return subprocess.run(command, check=False, cwd=ROOT).returncode
    folder = DataFolder.named(".local-bench")
    lock = engines.take(folder)
    try:
        say()
        needs_stack = arguments[0] in WITH_STACK
        with (
            engines.engines_for_a_while(folder, durable=True) as environment,
            stack.for_a_while(folder) if needs_stack else nullcontext(),
        ):
            say()
            superuser = read_env(folder.superuser_file)["DATABASE_SUPERUSER_URL"]
            variables = environment.for_process(
                "bench",
                PAYMENTS_BENCH_SUPERUSER_URL=superuser,
                PAYMENTS_POSTGRES_BIN=str(postgres.binaries()),
            )
            return subprocess.run(
                command, check=False, cwd=ROOT, env=inherited(variables)
            ).returncode
    finally:
        lock.release()
