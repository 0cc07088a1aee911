"""What a bench prints: a table for people, and as its last line JSON of a fixed shape."""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from types import ModuleType
from typing import Any

import pytest

from bench.__main__ import main
from bench.environment import BenchError
from bench.result import Bar, Result, print_result
from tests.server import ROOT


def printed(capsys: pytest.CaptureFixture[str], result: Result) -> list[str]:
    print_result(result)
    return capsys.readouterr().out.splitlines()


def test_last_line_is_the_promised_json(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(
        "payments",
        figures={"per_second": 1234.56, "nested": {"ratio": 0.123456}, "list": [1, 2.00001]},
        bars={"ratio": Bar.at_least(0.251239, 0.25), "lost": Bar.at_most(0, 0)},
    )

    lines = printed(capsys, result)

    assert json.loads(lines[-1]) == {
        "bench": "payments",
        "figures": {"per_second": 1234.6, "nested": {"ratio": 0.1235}, "list": [1, 2.0]},
        "bars": {
            "ratio": {"value": 0.2512, "bar": 0.25, "holds": True},
            "lost": {"value": 0, "bar": 0, "holds": True},
        },
    }


def test_table_names_each_bar_with_its_limit_and_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = Result("lists", bars={"fast": Bar.at_most(1.4, 1.5), "complete": Bar.at_least(0.9, 1)})

    rows = [line.split() for line in printed(capsys, result)]

    assert ["fast", "1.4", "<=", "1.5", "yes"] in rows
    assert ["complete", "0.9", ">=", "1", "NO"] in rows


@pytest.mark.parametrize(
    ("bar", "holds"),
    [
        (Bar.at_least(0.25, 0.25), True),
        # Not rounded before it is judged.
        (Bar.at_least(0.24999, 0.25), False),
        (Bar.at_most(1.5, 1.5), True),
        (Bar.at_most(1.500001, 1.5), False),
        (Bar.at_least(float("nan"), 0), False),
        (Bar.at_most(float("nan"), 1), False),
    ],
)
def test_a_bar_holds_up_to_its_limit(bar: Bar, holds: bool) -> None:
    assert bar.holds is holds
    assert Result("any", bars={"good": Bar.at_most(0, 1), "this": bar}).holds is holds


@pytest.mark.parametrize(
    ("outcome", "exit_code"),
    [
        (Result("start"), 0),
        (Result("start", bars={"good": Bar.at_least(2, 1)}), 0),
        (Result("start", bars={"good": Bar.at_least(2, 1), "bad": Bar.at_most(2, 1)}), 1),
        (BenchError("no room"), 2),
    ],
)
def test_exit_code_says_whether_every_bar_held(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: Result | BenchError,
    exit_code: int,
) -> None:
    def run(options: Any, database: Any) -> Result:
        if isinstance(outcome, BenchError):
            raise outcome
        return outcome

    bench = ModuleType("bench.start")
    bench.add_options = ArgumentParser.format_help
    bench.run = run
    monkeypatch.setitem(sys.modules, "bench.start", bench)
    monkeypatch.setattr(sys, "argv", ["bench", "start"])

    assert main() == exit_code

    out, err = capsys.readouterr()
    if exit_code == 2:
        assert (out, err) == ("", "bench start: no room\n")
    else:
        assert out.splitlines()[-1] == outcome.to_json()


def test_a_bench_without_its_environment_says_what_is_missing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}

    run = subprocess.run(
        [sys.executable, "-m", "bench", "races"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("bench races: DATABASE_URL is not set")


def test_an_unknown_bench_is_refused_with_the_names_of_all() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 2
    for name in ("payments", "lists", "races", "vault", "start"):
        assert name in run.stderr
