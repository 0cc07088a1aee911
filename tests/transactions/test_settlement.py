"""Settlement: pending money becomes available on its UTC day, once, whoever runs it and how often."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from disputes.services.audit_books import audit_books
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.merchants.making import client_of, make_merchant
from tests.schema.rows import OWNER, connect
from tests.server import Server
from tests.threads import at_once
from tests.transactions.test_folding import MADE_UP, explain_entries
from transactions import ledger_accounts as accounts
from transactions.balances import Balance, fold_balances, read_balances
from transactions.ledger import Movement, record_movements
from transactions.models import LedgerEntry
from transactions.services.settle import settle_due

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _entries_are_explained(_database: None) -> Iterator[None]:
    yield
    explain_entries()


def utc_today() -> date:
    return datetime.now(UTC).date()


def settlements(scope: Scope, currency: str = "USD") -> list[tuple[str, str, int, date]]:
    """Account from, account to, amount and day of every settlement, by day."""
    return [
        (entry.debit_account, entry.credit_account, entry.amount, entry.available_on)
        for entry in LedgerEntry.objects.filter(
            merchant_id=scope.merchant_id,
            environment=scope.environment,
            currency=currency,
            type="settlement",
        ).order_by("available_on", "id")
    ]


def owe(scope: Scope, amount: int, available_on: date) -> None:
    """Pending money of a day, by a correction of finance."""
    movement = Movement(
        accounts.ADJUSTMENT,
        amount,
        accounts.ADJUSTMENTS,
        accounts.PENDING,
        MADE_UP,
        available_on,
    )
    run_in_transaction(
        lambda: record_movements([movement], scope=scope, currency="USD", transaction_id=None)
    )


@pytest.fixture
def weekly_api(server: Server) -> Iterator[Api]:
    """A merchant whose money is pending for a week."""
    with client_of(server, make_merchant(settlement_delay_days=7), "test") as client:
        yield client


@pytest.fixture
def prompt_api(server: Server) -> Iterator[Api]:
    """A merchant whose money is available at once."""
    with client_of(server, make_merchant(settlement_delay_days=0), "test") as client:
        yield client


def test_each_merchant_has_its_own_delay(api: Api, weekly_api: Api) -> None:
    api.paid(amount=1000)
    weekly_api.paid(amount=1000)

    settle_due(today=utc_today() + 2 * DAY)

    assert api.balance() == {"pending": 0, "available": 941, "reserved": 0}
    assert weekly_api.balance() == {"pending": 941, "available": 0, "reserved": 0}
    settle_due(today=utc_today() + 6 * DAY)
    assert weekly_api.balance() == {"pending": 941, "available": 0, "reserved": 0}
    settle_due(today=utc_today() + 7 * DAY)
    assert weekly_api.balance() == {"pending": 0, "available": 941, "reserved": 0}


def test_without_a_delay_nothing_is_pending(prompt_api: Api) -> None:
    prompt_api.paid(amount=1000)

    assert prompt_api.balance() == {"pending": 0, "available": 941, "reserved": 0}
    settle_due(today=utc_today() + 30 * DAY)
    assert settlements(prompt_api.scope) == []


def test_day_counts_from_the_payments_utc_date(api: Api) -> None:
    transaction = api.paid(amount=1000)

    taken_on = datetime.fromisoformat(transaction["created_at"]).astimezone(UTC).date()
    days = LedgerEntry.objects.filter(transaction_id=transaction["id"])
    assert {entry.available_on for entry in days} == {taken_on + 2 * DAY}


def test_run_without_a_day_settles_up_to_today_in_utc() -> None:
    scope = make_merchant().scope()
    today = utc_today()
    owe(scope, 100, today - DAY)
    owe(scope, 20, today)
    owe(scope, 3, today + DAY)

    settle_due()

    assert settlements(scope) == [
        ("pending", "available", 100, today - DAY),
        ("pending", "available", 20, today),
    ]
    assert read_balances(scope) == [Balance("USD", pending=3, available=120, reserved=0)]


def test_merchant_that_can_not_be_settled_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settle_due()
    stuck, sound = make_merchant().scope(), make_merchant().scope()
    for scope in (stuck, sound):
        owe(scope, 100, utc_today())
    fold_balances()

    with connect(OWNER) as owner:
        owner.execute(
            "SELECT 1 FROM merchant_balances WHERE merchant_id = %s FOR UPDATE",
            [stuck.merchant_id],
        )
        assert settle_due() == 1

    assert [len(settlements(scope)) for scope in (stuck, sound)] == [0, 1]
    assert f"could not settle USD of merchant {stuck.merchant_id}" in caplog.messages
    assert settle_due() == 1
    assert len(settlements(stuck)) == 1


def test_currencies_are_settled_apart(api: Api) -> None:
    api.paid(amount=1000, currency="USD")
    api.paid(amount=1000, currency="EUR")
    api.paid(amount=1000, currency="JPY")
    day = utc_today() + 2 * DAY

    settle_due(today=day)

    assert settlements(api.scope, "USD") == [("pending", "available", 941, day)]
    assert settlements(api.scope, "EUR") == [("pending", "available", 941, day)]
    assert settlements(api.scope, "JPY") == [("pending", "available", 971, day)]
    for currency, available in (("USD", 941), ("EUR", 941), ("JPY", 971)):
        assert api.balance(currency) == {"pending": 0, "available": available, "reserved": 0}


def test_test_and_live_money_are_settled_apart(api: Api, live_api: Api) -> None:
    api.paid(amount=1000)
    live_api.paid(amount=2000)
    day = utc_today() + 2 * DAY

    settle_due(today=day)

    assert settlements(api.scope) == [("pending", "available", 941, day)]
    assert settlements(live_api.scope) == [("pending", "available", 1912, day)]


def test_settlement_twice_is_settlement_once(api: Api) -> None:
    api.paid(amount=1000)
    day = utc_today() + 2 * DAY
    settle_due(today=day)

    # Of later days there may be others' money.
    assert settle_due(today=day) == 0
    settle_due(today=day + 30 * DAY)

    assert settlements(api.scope) == [("pending", "available", 941, day)]
    assert api.balance() == {"pending": 0, "available": 941, "reserved": 0}


def test_settlement_without_the_folder_is_the_same(api: Api) -> None:
    api.paid(amount=1000)
    fold_balances()
    api.paid(amount=2000)
    day = utc_today() + 2 * DAY

    settle_due(today=day)

    assert sum(amount for _, _, amount, _ in settlements(api.scope)) == 941 + 1912
    assert api.balance() == {"pending": 0, "available": 941 + 1912, "reserved": 0}


def test_refund_before_settlement_leaves_available_below_zero_until_then(api: Api) -> None:
    transaction = api.paid(amount=1000)
    api.post("/v1/refunds", {"transaction": transaction["id"], "amount": 300})
    assert api.balance() == {"pending": 941, "available": -300, "reserved": 0}

    settle_due(today=utc_today() + 2 * DAY)

    assert api.balance() == {"pending": 0, "available": 641, "reserved": 0}


def test_refund_after_settlement_is_taken_from_what_is_available(api: Api) -> None:
    transaction = api.paid(amount=1000)
    settle_due(today=utc_today() + 2 * DAY)

    api.post("/v1/refunds", {"transaction": transaction["id"]})

    assert api.balance() == {"pending": 0, "available": -59, "reserved": 0}
    settle_due(today=utc_today() + 3 * DAY)
    assert len(settlements(api.scope)) == 1


def test_settlers_and_payers_at_once_move_every_cent_once(api: Api) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card()}
    day = utc_today() + 2 * DAY

    def act(number: int) -> None:
        for _ in range(6):
            if number < 4:
                assert api.post("/v1/transactions", body).status_code == 201
            else:
                settle_due(today=day)

    at_once(6, act)
    settle_due(today=day)

    assert api.balance() == {"pending": 0, "available": 24 * 941, "reserved": 0}
    assert sum(amount for _, _, amount, _ in settlements(api.scope)) == 24 * 941
    fold_balances()
    assert audit_books() == []
