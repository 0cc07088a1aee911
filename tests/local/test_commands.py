"""The command line: what is refused is told in words, and asking costs no start of engines."""

import os
import signal
import subprocess
import sys

import pytest

from bench import BENCHES
from payments_project.local import bench, summary, testing
from payments_project.local.__main__ import main
from payments_project.local.folder import ROOT


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Runs a command in this process; its exit code, and what it printed."""
    handlers = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dev", *arguments])
        try:
            code = main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capfd.readouterr()
        return code, told.out + told.err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("engines were started")

    for module in (bench, testing):
        monkeypatch.setattr(module.engines, "engines_for_a_while", start)


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["nosuch"], 2), (["--help"], 0), (["-h"], 0)]
)
def test_benches_are_listed_before_anything_is_started(dev, no_engines, arguments, code):
    ended, told = dev("bench", *arguments)
    assert ended == code
    assert "usage: ./dev bench NAME" in told
    assert all(f"  {name} " in told for name in BENCHES)
    assert ("There is no bench nosuch." in told) == (arguments == ["nosuch"])


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--stack", "--help"]])
def test_help_on_tests_says_how_arguments_go_to_pytest(dev, no_engines, arguments):
    code, told = dev("test", *arguments)
    assert code == 0
    assert "usage: ./dev test" in told
    assert "All else goes to pytest as it is" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "dev"], "./dev check: error: it does not take dev"),
        (["secrets", "more", "-x"], "./dev secrets: error: it does not take more -x"),
        (["up", "--port", "abc"], "--port: abc is not a number between 1 and 65535"),
        (["up", "--port", "65536"], "--port: 65536 is not a number between 1 and 65535"),
    ],
)
def test_what_a_command_does_not_take_is_told_by_that_command(dev, arguments, told):
    code, shown = dev(*arguments)
    assert code == 2
    assert told in shown
    assert shown.startswith(f"usage: ./dev {arguments[0]} ")


def test_status_of_nothing_says_how_to_start_it_there(dev, tmp_path):
    code, told = dev("status", "--data", str(tmp_path / "other"))
    assert code == 1
    assert f"Start it with ./dev up --data {tmp_path / 'other'}." in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_also_where_a_script_began_it_with_the_signal_ignored(number):
    waits = (
        "import signal, time\n"
        f"signal.signal({int(number)}, signal.SIG_IGN)\n"
        "from payments_project.local import __main__, status\n"
        "status.show = lambda data: print('waits', flush=True) or time.sleep(60)\n"
        "raise SystemExit(__main__.main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", waits, "status"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "waits\n"
        os.kill(process.pid, number)
        assert process.wait(20) == 130
    finally:
        process.kill()


def test_the_payment_to_paste_ends_its_line_and_may_be_sent_again(capsys):
    credentials = {"base_url": "http://x", "test_key": "sk_test_1", "payment_method": "pm_1"}
    summary._show_payment(credentials)
    told = capsys.readouterr().out
    assert "curl -sw '\\n' http://x/v1/transactions" in told
    assert "-H 'Idempotency-Key: order-" in told
