"""After a logical restore: no balance is told wrongly, and rebasing makes all exact again."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from disputes.services.audit_books import audit_books
from payments_project.events.cursors import CursorOfAnotherCluster
from tests.api_client import Api
from tests.schema.rows import OWNER, connect
from tests.server import ROOT
from transactions.balances import fold_balances
from transactions.services.settle import settle_due

# Far above any transaction id of the tests' cluster.
OLD_XID = 9_000_000_000


@pytest.fixture
def owner() -> Iterator[psycopg.Connection]:
    with connect(OWNER, autocommit=True) as connection:
        yield connection


@pytest.fixture
def restored(api: Api, owner: psycopg.Connection) -> Iterator[None]:
    """The database as a restore leaves it: rows and cursor with the ids of the old cluster.

    One payment was folded there, one was not.
    """
    api.paid(amount=1000)
    fold_balances()
    owner.execute(f"UPDATE ledger_entries SET xid = '{OLD_XID}'")
    owner.execute(f"UPDATE events SET xid = '{OLD_XID}'")
    api.paid(amount=600)
    owner.execute(f"UPDATE ledger_entries SET xid = '{OLD_XID + 7}' WHERE xid < '{OLD_XID}'")
    owner.execute(
        f"UPDATE event_cursors SET snapshot = '{OLD_XID + 1}:{OLD_XID + 1}:', system_identifier = 1"
    )
    yield
    rebase()


def rebase() -> str:
    """Runs the command as the owner does; what it prints."""
    ran = subprocess.run(
        [sys.executable, "manage.py", "rebase_event_cursors"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": os.environ["DATABASE_OWNER_URL"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_no_reader_goes_on_and_payments_do(api: Api, restored: None) -> None:
    api.paid(amount=1000)

    error = api.error(api.get("/v1/balance"), 503, "internal_error")
    assert error["type"] == "api_error"
    assert "restore" in error["message"]
    with pytest.raises(CursorOfAnotherCluster):
        fold_balances()
    with pytest.raises(CursorOfAnotherCluster):
        settle_due()


def test_rebasing_makes_every_balance_exact(
    api: Api, restored: None, owner: psycopg.Connection
) -> None:
    # A payment that came between the restore and the rebasing, with an id of this cluster.
    api.paid(amount=1000)

    rebase()

    # 2.9 % and 30 cents each.
    expected = 1000 - 59 + 600 - 47 + 1000 - 59
    assert api.balance()["pending"] == expected
    assert fold_balances() == 0
    assert api.balance()["pending"] == expected
    api.paid(amount=1000)
    assert fold_balances() > 0
    assert api.balance()["pending"] == expected + 1000 - 59
    assert audit_books() == []
    left = owner.execute(f"SELECT count(*) FROM ledger_entries WHERE xid >= '{OLD_XID}'").fetchone()
    assert left == (0,)


def test_rebasing_again_does_nothing(api: Api) -> None:
    api.paid(amount=1000)
    before = api.balance()

    assert "Every cursor is of this cluster" in rebase()

    assert api.balance() == before


def test_only_the_owner_can_rebase(restored: None) -> None:
    with pytest.raises(CommandError, match="owns the schema"):
        call_command("rebase_event_cursors")
    assert not connections["default"].in_atomic_block
