"""Folding: the folded row and the entries not folded yet are the entries' sum, at every moment."""

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from tests.merchants.making import make_merchant
from tests.schema.rows import APPLICATION, OWNER, connect, insert_row
from tests.threads import at_once
from transactions import ledger_accounts as accounts
from transactions.balances import (
    PAGE_ENTRIES,
    Balance,
    fold_balances,
    fold_page,
    read_balances,
)
from transactions.ledger import Movement, record_movements
from transactions.models import MerchantBalance

WRITERS = 8
# Stands for the adjustments whose entries these tests write.
MADE_UP = UUID(int=7)
ENTRIES_EACH = 60
# A busy machine compares slowly: the writers go on until it was often enough.
COMPARED_MIN = 11
TOTALS_MIN = 4
WRITE_SECONDS_MAX = 120


@pytest.fixture(autouse=True)
def _entries_are_explained(_database: None) -> Iterator[None]:
    yield
    explain_entries()


@pytest.fixture
def scope() -> Scope:
    """A merchant without payments."""
    return make_merchant().scope()


def explain_entries() -> None:
    """Gives each entry that a test has made up the adjustment that it says it is of: the auditor
    looks at the whole database."""
    with connect(OWNER) as owner:
        owner.execute(
            "UPDATE ledger_entries SET source_id = uuidv7() WHERE source_id = %s", [MADE_UP]
        )
        owner.execute(
            "INSERT INTO balance_adjustments (id, merchant_id, environment, currency, amount,"
            " reason) SELECT source_id, merchant_id, environment, currency,"
            " CASE credit_account WHEN 'available' THEN amount ELSE -amount END, 'tests'"
            " FROM ledger_entries WHERE type = 'adjustment' AND transaction_id IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM balance_adjustments AS made WHERE made.id = source_id)"
        )


def adjust(scope: Scope, amount: int, currency: str = "EUR") -> None:
    """One entry in a transaction of its own: money for the merchant, or from it."""
    run_in_transaction(
        lambda: record_movements(
            [adjustment(amount)], scope=scope, currency=currency, transaction_id=None
        )
    )


def adjustment(amount: int) -> Movement:
    debit, credit = accounts.ADJUSTMENTS, accounts.AVAILABLE
    if amount < 0:
        debit, credit = credit, debit
    return Movement(accounts.ADJUSTMENT, abs(amount), debit, credit, MADE_UP)


def folded(scope: Scope) -> int:
    """What the folder alone says, without the entries that it has not seen."""
    row = MerchantBalance.objects.filter(merchant_id=scope.merchant_id).first()
    return row.available_balance if row else 0


def summed(scope: Scope) -> int:
    """What the entries alone say."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(CASE credit_account WHEN 'available' THEN amount ELSE -amount END)"
            ", 0)::bigint FROM ledger_entries WHERE merchant_id = %s",
            [scope.merchant_id],
        )
        total: int = cursor.fetchone()[0]
        return total


def available(scope: Scope) -> int:
    found = read_balances(scope)
    return found[0].available if found else 0


@pytest.mark.parametrize("page_entries", [PAGE_ENTRIES, 3])
def test_reading_equals_the_entries_while_eight_write_and_one_folds(
    scope: Scope, page_entries: int
) -> None:
    writing = threading.Semaphore(0)
    compared: list[tuple[int, int]] = []
    written: list[list[int]] = [[] for _ in range(WRITERS)]
    deadline = time.monotonic() + WRITE_SECONDS_MAX

    def is_enough() -> bool:
        totals = {total for total, _ in compared.copy()}
        return len(compared) >= COMPARED_MIN and len(totals) >= TOTALS_MIN

    def act(number: int) -> None:
        if number < WRITERS:
            for place in itertools.count():
                if place >= ENTRIES_EACH and (is_enough() or time.monotonic() > deadline):
                    break
                amount = -3 if place % 5 == 0 else 10 + number
                adjust(scope, amount)
                written[number].append(amount)
            writing.release()
        elif number == WRITERS:
            while writing._value < WRITERS:
                fold_balances(page_entries=page_entries)
        else:
            while writing._value < WRITERS:
                compared.append(read_and_sum(scope))

    at_once(WRITERS + 2, act)

    assert is_enough()
    assert [pair for pair in compared if pair[0] != pair[1]] == []
    assert min(map(len, written)) >= ENTRIES_EACH
    expected = sum(map(sum, written))
    assert available(scope) == summed(scope) == expected
    fold_balances()
    assert folded(scope) == expected


def read_and_sum(scope: Scope) -> tuple[int, int]:
    """The balance and the entries' sum on one snapshot."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return available(scope), summed(scope)


def test_long_open_transaction_loses_nothing(scope: Scope) -> None:
    with connect(APPLICATION) as slow:
        slow.execute("SELECT pg_current_xact_id()")  # Its number is drawn before all others.
        adjust(scope, 100)
        fold_balances()
        insert_row(slow, "ledger_entries", **entry(scope, 7))
        adjust(scope, 20)
        fold_balances()
        assert (folded(scope), available(scope)) == (120, 120)
        slow.commit()

        assert (folded(scope), available(scope)) == (120, 127)
        fold_balances()
        assert (folded(scope), available(scope)) == (127, 127)


def test_long_backlog_is_folded_in_pages_and_reading_is_exact_between_them(scope: Scope) -> None:
    fold_balances()
    for amount in range(1, 11):
        adjust(scope, amount)

    seen = []
    more = True
    while more:
        _, more = fold_page(page_entries=3)
        seen.append(folded(scope))
        assert available(scope) == summed(scope) == 55

    assert seen == [1 + 2 + 3, 21, 45, 55]
    assert fold_page(page_entries=3) == (0, False)


def test_page_holds_no_less_than_one_transaction(scope: Scope) -> None:
    fold_balances()
    run_in_transaction(
        lambda: record_movements(
            [adjustment(10)] * 5, scope=scope, currency="EUR", transaction_id=None
        )
    )
    adjust(scope, 7)

    assert fold_page(page_entries=2) == (5, True)
    assert (folded(scope), available(scope)) == (50, 57)
    assert fold_page(page_entries=2) == (1, False)
    assert folded(scope) == 57


def test_transaction_that_is_open_over_several_pages_is_folded_once(scope: Scope) -> None:
    fold_balances()
    with connect(APPLICATION) as slow, connect(APPLICATION) as slower:
        insert_row(slow, "ledger_entries", **entry(scope, 1000))
        adjust(scope, 1)
        insert_row(slower, "ledger_entries", **entry(scope, 5000))
        for _ in range(5):
            adjust(scope, 1)
        assert fold_page(page_entries=2) == (2, True)
        assert (folded(scope), available(scope)) == (2, 6)
        slow.commit()
        assert (folded(scope), available(scope)) == (2, 1006)
        # The late one lies below the page that follows, which is two entries longer for it.
        assert fold_page(page_entries=2) == (3, True)
        assert (folded(scope), available(scope)) == (1004, 1006)
        fold_balances(page_entries=2)
        assert (folded(scope), available(scope)) == (1006, 1006)
        slower.commit()

    assert (folded(scope), available(scope)) == (1006, 6006)
    assert fold_balances(page_entries=2) == 1
    assert (folded(scope), available(scope)) == (6006, 6006)
    assert fold_balances(page_entries=2) == 0


def test_folders_at_once_fold_each_page_once(scope: Scope) -> None:
    for _ in range(40):
        adjust(scope, 1)

    at_once(4, lambda _: fold_balances(page_entries=3))
    fold_balances()

    assert (folded(scope), available(scope)) == (40, 40)


def test_entry_rolled_back_was_never_there(scope: Scope) -> None:
    with connect(APPLICATION) as failing:
        insert_row(failing, "ledger_entries", **entry(scope, 7))
        adjust(scope, 20)
        fold_balances()
        failing.rollback()

    fold_balances()

    assert (folded(scope), available(scope)) == (20, 20)


def entry(scope: Scope, amount: int) -> dict[str, Any]:
    return {
        "merchant_id": scope.merchant_id,
        "environment": scope.environment,
        "amount": amount,
        "type": "adjustment",
        "debit_account": "adjustments",
    }


def test_folding_again_folds_nothing_again(scope: Scope) -> None:
    adjust(scope, 100)
    assert fold_balances() >= 1

    assert fold_balances() == 0

    assert folded(scope) == 100


def test_of_two_folders_one_works_and_the_other_does_not_wait(scope: Scope) -> None:
    adjust(scope, 100)
    with connect(APPLICATION) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('fold balances', 0))")

        assert fold_balances() is None
        assert (folded(scope), available(scope)) == (0, 100)

    assert fold_balances() >= 1
    assert folded(scope) == 100


def test_folder_killed_in_its_transaction_leaves_the_work_to_the_next(scope: Scope) -> None:
    adjust(scope, 100)
    dying = connect(APPLICATION)
    dying.execute("SELECT pg_advisory_xact_lock(hashtextextended('fold balances', 0))")
    dying.execute(
        "UPDATE event_cursors SET snapshot = pg_current_snapshot() WHERE name = 'ledger_balances'"
    )
    with connect(APPLICATION) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [dying.info.backend_pid])

    assert fold_balances() >= 1

    assert folded(scope) == 100
    with pytest.raises(psycopg.OperationalError):
        dying.commit()


def test_many_folders_at_once_fold_once(scope: Scope) -> None:
    for _ in range(5):
        adjust(scope, 100)
        at_once(6, lambda _: fold_balances())

    fold_balances()
    assert folded(scope) == available(scope) == 500


def test_reading_is_one_statement(scope: Scope) -> None:
    adjust(scope, 100, "EUR")
    fold_balances()
    adjust(scope, 1, "EUR")
    adjust(scope, 20, "USD")
    statements: list[str] = []

    def counted(execute: Any, sql: str, *arguments: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(counted):
        balances = read_balances(scope)

    assert len(statements) == 1
    assert balances == [Balance("EUR", 0, 101, 0), Balance("USD", 0, 20, 0)]


def test_balances_of_a_merchant_without_entries_are_none(scope: Scope) -> None:
    assert read_balances(scope) == []
