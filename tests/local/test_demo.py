"""``./dev demo``: green where the service keeps its word, an exit code of 1 where it does not."""

import json
from pathlib import Path

import pytest

from merchants.models import Merchant
from payments_project.local import demo, demo_account, demo_money, demo_reports
from payments_project.local.demo_walk import Walk
from payments_project.local.folder import DataFolder
from payments_project.local.terminal import Problem
from tests.api_client import Api
from tests.server import Server

QUICK = [
    ("Customers and cards", demo_account.customers_and_cards),
    ("Authorize, capture, cancel", demo_money.authorizations),
]


# What waits neither for the worker nor for the gateway's messages, and needs nothing that a chapter
# which does has made.
AT_ONCE = [
    *QUICK,
    ("Idempotency", demo_money.idempotency),
    ("Payments taken elsewhere", demo_money.recorded_payments),
    ("Strict input", demo_account.strict_input),
    ("Reports", demo_reports.reports),
]


def untrue(walk: Walk) -> None:
    """A merchant that has taken nothing has a thousand."""
    walk.equals("the balance is a thousand", walk.balance()["pending"], 1_000)


def absent(walk: Walk) -> None:
    """An answer without what the documentation promises."""
    walk.answer(walk.merchant.get("/balance"))["no such field"]


def refused(walk: Walk) -> None:
    """An address that is not there."""
    walk.answer(walk.merchant.get("/nowhere"))


@pytest.fixture
def folder(tmp_path: Path, api: Api, other_api: Api) -> DataFolder:
    """A data folder with the keys of two merchants, of whom recorded payments credit the first."""
    Merchant.objects.filter(pk=api.scope.merchant_id).update(
        processing_config={"credits_recorded_payments": True}
    )
    made = DataFolder(tmp_path / "data")
    made.make()
    keys = {"test_key": api.key, "other_merchant_test_key": other_api.key}
    made.credentials_file.write_text(json.dumps(keys))
    return made


def test_chapters_that_hold_are_told_and_counted(
    folder: DataFolder,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(demo, "CHAPTERS", QUICK)
    assert demo.run_demo(data=str(folder.path), base_url=server.url) == 0
    told = capsys.readouterr().out
    assert "✓ another is captured in full" in told
    assert "✓ All of it holds: 16 checks" in told


def test_chapters_that_wait_for_nothing_hold(
    folder: DataFolder,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(demo, "CHAPTERS", AT_ONCE)
    code = demo.run_demo(data=str(folder.path), base_url=server.url)
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("chapter", [untrue, absent, refused])
def test_a_check_that_fails_ends_the_walk_with_1_and_names_its_chapter(
    folder: DataFolder,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    chapter,
):
    monkeypatch.setattr(demo, "CHAPTERS", [QUICK[0], ("Broken one", chapter), QUICK[1]])
    assert demo.run_demo(data=str(folder.path), base_url=server.url) == 1
    told = capsys.readouterr().out
    assert "✗ Broken: Broken one" in told
    # The others are walked all the same.
    assert "✓ another is captured in full" in told


def test_no_service_and_no_keys_are_told_with_what_to_do(folder: DataFolder, tmp_path: Path):
    with pytest.raises(Problem, match=r"Nothing answers at http://127\.0\.0\.1:1 "):
        demo.run_demo(data=str(folder.path), base_url="http://127.0.0.1:1")
    with pytest.raises(Problem, match="There are no keys in") as problem:
        demo.run_demo(data=str(tmp_path / "empty"), base_url=None)
    assert problem.value.hint == f"Start it first:  ./dev up --data {tmp_path / 'empty'}"
