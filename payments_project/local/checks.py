"""``./dev check``: format, lint, types, import layers, migrations; each in a line with its time.

All run, side by side; what a failed one printed is shown at the end.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from payments_project.local.environment import manage
from payments_project.local.folder import ROOT
from payments_project.local.terminal import say, seconds_text, styled

_TOOLS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Check:
    """A check by its name; it holds when its command ends with 0."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True, slots=True)
class Result:
    check: Check
    holds: bool
    output: str
    seconds: float


def checks() -> list[Check]:
    """What must hold before a commit, the slowest first."""
    return [
        Check("types", [_tool("mypy"), "."]),
        Check("migrations", _django("makemigrations", "--check", "--dry-run")),
        Check("django", _django("check", "--fail-level", "WARNING")),
        Check("format", [_tool("ruff"), "format", "--check", "--quiet", "."]),
        Check("lint", [_tool("ruff"), "check", "--quiet", "."]),
        Check("layers", [_tool("lint-imports"), "--no-logo"]),
    ]


def run_checks() -> int:
    """Runs them all; 0 if all hold, else 1."""
    say()
    started = time.monotonic()
    failed = []
    with ThreadPoolExecutor(max_workers=3) as pool:
        running = [pool.submit(_run, check) for check in checks()]
        for done in as_completed(running):
            result = done.result()
            outcome = styled("ok", "green") if result.holds else styled("FAILED", "red")
            time_taken = styled(f"{seconds_text(result.seconds):>8}", "dim")
            say(f"{result.check.name:12}{time_taken}   {outcome}")
            if not result.holds:
                failed.append(result)
    for result in failed:
        say()
        say(styled(f"{result.check.name} FAILED", "red"))
        for line in result.output.rstrip().splitlines():
            say(f"  {line}")
    say()
    verdict = f"{len(failed)} of {len(running)} failed" if failed else "All checks hold"
    say(f"{styled(verdict, 'bold')} {styled(seconds_text(time.monotonic() - started), 'dim')}")
    say()
    return 1 if failed else 0


def _run(check: Check) -> Result:
    started = time.monotonic()
    done = subprocess.run(
        check.command,
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Result(check, done.returncode == 0, done.stdout, time.monotonic() - started)


def _tool(name: str) -> str:
    return str(_TOOLS / name)


def _django(*arguments: str) -> list[str]:
    return [*manage(*arguments), "--settings=payments_project.local.check_settings"]
