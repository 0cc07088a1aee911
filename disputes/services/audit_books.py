"""The auditor: everything that the books say, recomputed from the ledger's entries and the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from disputes.book_checks import CHECKS, Check

SAMPLE_ROWS = 20

# Runs one statement and returns its rows.
Ask = Callable[[str], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that should not be."""

    check: str
    subject: str
    expected: str
    found: str


def audit_books(*, checks: tuple[Check, ...] = CHECKS) -> list[Finding]:
    """Runs every check on one snapshot of the database; returns up to 20 differences of each.

    Reads only. One snapshot for all (REPEATABLE READ), so that it can run while payments go on.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = 0")

        def ask(statement: str) -> Sequence[tuple[Any, ...]]:
            cursor.execute(statement)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

        return find_differences(ask, checks=checks)


def find_differences(ask: Ask, *, checks: tuple[Check, ...] = CHECKS) -> list[Finding]:
    """The checks' differences in the database that ``ask`` reads, up to 20 of each."""
    return [
        Finding(check.name, *map(str, row))
        for check in checks
        for row in ask(f"SELECT * FROM ({check.sql}) AS difference LIMIT {SAMPLE_ROWS}")
    ]
