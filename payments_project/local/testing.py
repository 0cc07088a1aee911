"""``./dev test``: pytest on engines of its own, started for the run and stopped after it.

The exit code is pytest's, and so is the last line.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext

import psycopg

from payments_project.local import engines, stack
from payments_project.local.environment import Environment, inherited
from payments_project.local.folder import ROOT, DataFolder, FolderLock, read_env
from payments_project.local.processes import cores
from payments_project.local.terminal import say, step

_USAGE = """usage: ./dev test [--stack] [PATH ...] [pytest's options]

Runs the tests on engines of their own, which are started first and stopped at the end.

  --stack      with a real Kafka and Elasticsearch too, as CI does

All else goes to pytest as it is:

  ./dev test tests/flows -k refund     those of a folder whose names have a word
  ./dev test --lf -x                   those that failed last, up to the first failure
  ./dev test -n 0 --pdb PATH           in one process, with a debugger at a failure

.venv/bin/pytest --help lists pytest's options; docs/running.md says more."""
_FOLDERS_MAX = 8
_INTERRUPTED_SECONDS_MAX = 60


def show_usage() -> None:
    """How arguments go to pytest; starts nothing."""
    print(_USAGE)


def run_tests(arguments: Sequence[str], *, with_stack: bool) -> int:
    """Runs pytest with the arguments; in CI the stack is always there, and required."""
    required = with_stack or os.environ.get("CI", "").lower() in ("1", "true", "yes")
    durable = os.environ.get("PAYMENTS_TEST_DURABLE") == "1"
    folder, lock = _free_folder(".local-test")
    try:
        say()
        with (
            engines.engines_for_a_while(folder, durable=durable) as environment,
            stack.for_a_while(folder) if required else nullcontext(),
        ):
            _allow_test_databases(folder)
            say()
            return _pytest(arguments, environment, required=required)
    finally:
        lock.release()


def _free_folder(name: str) -> tuple[DataFolder, FolderLock]:
    """A folder that no other run uses now: several may go on at once."""
    for number in range(1, _FOLDERS_MAX):
        folder = DataFolder.named(name if number == 1 else f"{name}-{number}")
        folder.make()
        lock = folder.lock()
        if lock is not None:
            return folder, lock
    folder = DataFolder.named(f"{name}-{_FOLDERS_MAX}")
    return folder, engines.take(folder)


def _allow_test_databases(folder: DataFolder) -> None:
    """Lets the owner make a database for each test process, and end those that use it."""
    with step("Test databases"):
        superuser = read_env(folder.superuser_file)["DATABASE_SUPERUSER_URL"]
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("ALTER ROLE payments_owner CREATEDB")
            connection.execute("GRANT pg_signal_backend TO payments_owner")
            connection.execute("GRANT payments_app TO payments_owner WITH INHERIT FALSE")


def _pytest(arguments: Sequence[str], environment: Environment, *, required: bool) -> int:
    superuser = read_env(environment.folder.superuser_file)["DATABASE_SUPERUSER_URL"]
    variables = environment.for_process(
        "tests",
        DJANGO_SETTINGS_MODULE="payments_project.settings.test",
        PAYMENTS_REQUIRE_STACK="1" if required else "",
        DATABASE_SUPERUSER_URL=superuser,
    )
    command = [sys.executable, "-m", "pytest", *_parallel(arguments), *arguments]
    # Ctrl-C reaches pytest too, which reports and ends; then the engines are stopped in order.
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    pytest = subprocess.Popen(command, cwd=ROOT, env=inherited(variables))
    try:
        return pytest.wait()
    except KeyboardInterrupt:
        # From a SIGTERM, which came to us alone.
        pytest.send_signal(signal.SIGINT)
        return pytest.wait(_INTERRUPTED_SECONDS_MAX)
    finally:
        pytest.kill()
        signal.signal(signal.SIGINT, before)


def _parallel(arguments: Sequence[str]) -> list[str]:
    """One test process per core, unless the caller says otherwise or debugs."""
    own = ("-n", "--numprocesses", "--pdb", "--trace", "--collect-only", "--co", "-s")
    if any(argument.startswith(own) for argument in arguments):
        return []
    # Tests of one xdist_group share what is dear to make: one process runs them all.
    return ["-n", str(cores()), "--dist=loadgroup"]
