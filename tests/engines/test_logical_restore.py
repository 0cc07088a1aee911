"""A dump of this run's database, restored into another PostgreSQL, as an operator would."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from payments_project.local import postgres, processes
from payments_project.local.folder import DataFolder
from payments_project.local.terminal import Step
from payments_project.tenancy import Scope
from tests.merchants.making import make_merchant
from tests.schema.rows import insert_row
from tests.server import ROOT
from tests.transactions.test_folding import adjust, entry, explain_entries
from transactions.balances import fold_balances

READ = (
    "from transactions.balances import read_balances;"
    "from payments_project.tenancy import Scope; from uuid import UUID;"
    "print(*(balance.available for balance in"
    " read_balances(Scope(UUID('{merchant_id}'), '{environment}'))))"
)


@pytest.fixture(autouse=True)
def _entries_are_explained(_database: None) -> Iterator[None]:
    yield
    explain_entries()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[postgres.Addresses]:
    """Another cluster, provisioned and empty."""
    folder = DataFolder(tmp_path / "elsewhere")
    folder.make()
    child, addresses = postgres.start(folder, Step("PostgreSQL"), durable=False)
    try:
        yield addresses
    finally:
        processes.stop(child)


def test_books_go_on_in_another_cluster_once_its_cursors_are_rebased(
    elsewhere: postgres.Addresses,
) -> None:
    scope = make_merchant().scope()
    adjust(scope, 100)
    fold_balances()
    adjust(scope, 20)
    dump_and_restore(elsewhere)

    assert "CursorOfAnotherCluster" in manage(elsewhere.application, "shell", "-c", read(scope))
    with psycopg.connect(elsewhere.application) as application:
        insert_row(application, "ledger_entries", **entry(scope, 3000))
        with application.transaction():
            insert_row(application, "ledger_entries", **entry(scope, 50_000))
    assert "Run it as the role that owns the schema" in manage(
        elsewhere.application, "rebase_event_cursors"
    )

    assert "its readers started over" in manage(elsewhere.owner, "rebase_event_cursors")

    assert shown(elsewhere, scope) == 53_120
    with psycopg.connect(elsewhere.application) as application:
        assert folded(application, scope) == 53_120
        insert_row(application, "ledger_entries", **entry(scope, 7))
    assert shown(elsewhere, scope) == 53_127
    assert "Every cursor is of this cluster" in manage(elsewhere.owner, "rebase_event_cursors")
    audited = manage(elsewhere.owner, "audit_books")
    assert "ok  balances equal the entries folded into them" in audited
    assert "ok  pending days equal the entries folded into them" in audited


def dump_and_restore(elsewhere: postgres.Addresses) -> None:
    """``pg_dump`` here, ``psql`` there, both as the owner."""
    base, _, _ = os.environ["DATABASE_OWNER_URL"].rpartition("/")
    source = f"{base}/{connection.settings_dict['NAME']}"
    dump = subprocess.run(
        [str(postgres.binaries() / "pg_dump"), "--dbname", source],
        check=True,
        capture_output=True,
    )
    restored = subprocess.run(
        [
            str(postgres.binaries() / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--dbname={elsewhere.owner}",
        ],
        check=False,
        input=dump.stdout,
        capture_output=True,
    )
    assert restored.returncode == 0, restored.stderr.decode()


def manage(url: str, *arguments: str) -> str:
    """A command on the other cluster's database; all that it says."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ
        | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "payments_project.settings.local"},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def read(scope: Scope) -> str:
    return READ.format(merchant_id=scope.merchant_id, environment=scope.environment)


def shown(elsewhere: postgres.Addresses, scope: Scope) -> int:
    return int(manage(elsewhere.application, "shell", "-v", "0", "-c", read(scope)).split()[-1])


def folded(application: psycopg.Connection, scope: Scope) -> int:
    row = application.execute(
        "SELECT available_balance FROM merchant_balances WHERE merchant_id = %s",
        [scope.merchant_id],
    ).fetchone()
    return int(row[0])
