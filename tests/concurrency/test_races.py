"""Races at the limits, with real threads against PostgreSQL. `./dev bench races` runs 1,000 rounds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db.transaction import atomic

from disputes.services.audit_books import audit_books
from merchants.models import Customer
from payments_project.models import Event
from tests.api_client import Api
from tests.faults.engines import wait_until, waits_for_a_lock
from tests.threads import at_once
from transactions.balances import fold_balances, read_balances
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import LedgerEntry, SimulatorRefund, Transaction
from transactions.services.resolve import resolve_unknown_outcomes
from transactions.services.settle import settle_due

CLIENTS = 8
# The server has its settings, and with them its connections' name, from this process.
PROCESS = settings.DATABASES["default"]["OPTIONS"]["application_name"]


def test_concurrent_refunds_never_exceed_what_was_captured(api: Api) -> None:
    for _ in range(12):
        transaction = api.paid(amount=1000)
        body = {"transaction": transaction["id"], "amount": 300}

        responses = at_once(CLIENTS, lambda _, body=body: api.post("/v1/refunds", body))

        answers = [(r.status_code, r.text) for r in responses]
        assert sorted(code for code, _ in answers) == [201] * 3 + [409] * 5, answers
        assert api.transaction(transaction["id"])["refunded_amount"] == 900
        refunded = SimulatorRefund.objects.filter(charge_id=transaction["id"])
        assert sum(refund.amount for refund in refunded) == 900


def test_refund_that_waited_for_another_is_the_newest_by_its_time_too(api: Api) -> None:
    """A transaction's own time is from before it waited."""
    awaited, free = (api.paid(amount=1000)["id"] for _ in range(2))

    with ThreadPoolExecutor(1) as thread:
        with atomic():
            Transaction.objects.select_for_update().get(pk=awaited)
            waiting = thread.submit(api.post, "/v1/refunds", {"transaction": awaited})
            wait_until(lambda: waits_for_a_lock(PROCESS), "the refund waits")
            assert api.post("/v1/refunds", {"transaction": free}).status_code == 201
        assert waiting.result().status_code == 201

    newest_first = api.get("/v1/refunds").json()["data"]
    assert [refund["transaction"] for refund in newest_first] == [awaited, free]
    assert newest_first[0]["created_at"] > newest_first[1]["created_at"]


def test_concurrent_captures_take_effect_once(api: Api) -> None:
    for _ in range(8):
        transaction = api.paid(amount=1000, capture=False)
        path = f"/v1/transactions/{transaction['id']}/capture"

        responses = at_once(CLIENTS, lambda n, path=path: api.post(path, {"amount": 100 + n}))

        assert sorted(r.status_code for r in responses) == [200] + [409] * 7
        captured = api.transaction(transaction["id"])["captured_amount"]
        entries = LedgerEntry.objects.filter(transaction_id=transaction["id"], type="payment")
        assert [entry.amount for entry in entries] == [captured]


def test_capture_and_cancel_exclude_each_other(api: Api) -> None:
    for _ in range(8):
        transaction = api.paid(amount=1000, capture=False)
        path = f"/v1/transactions/{transaction['id']}"

        responses = at_once(
            2, lambda n, path=path: api.post(f"{path}/{'capture' if n else 'cancel'}")
        )

        assert sorted(r.status_code for r in responses) == [200, 409]
        winner = "succeeded" if responses[1].status_code == 200 else "cancelled"
        assert api.transaction(transaction["id"])["status"] == winner


def test_two_beats_settle_once(api: Api) -> None:
    for _ in range(3):
        api.paid(amount=1000)
    day = datetime.now(UTC).date() + timedelta(days=2)

    at_once(4, lambda _: settle_due(today=day))

    assert api.balance() == {"pending": 0, "available": 3 * 941, "reserved": 0}


def test_balances_stay_exact_while_folders_and_payers_run_together(api: Api) -> None:
    token = api.card()
    body = {"amount": 1000, "currency": "USD", "payment_method": token}

    def act(number: int) -> None:
        for _ in range(10):
            if number < CLIENTS:
                assert api.post("/v1/transactions", body).status_code == 201
            else:
                fold_balances()
                read_balances(api.scope)

    at_once(CLIENTS + 3, act)

    assert api.balance()["pending"] == 80 * 941
    fold_balances()
    assert api.balance()["pending"] == 80 * 941
    assert audit_books() == []


@pytest.mark.usefixtures("runs_at_once")
def test_resolvers_at_once_settle_each_payment_once(api: Api) -> None:
    import time

    transactions = [api.paid("4000000000006009", amount=1000) for _ in range(5)]
    time.sleep(gateway_lease_seconds() + 0.3)

    at_once(4, lambda _: resolve_unknown_outcomes())

    for transaction in transactions:
        events = Event.objects.filter(aggregateid=transaction["id"]).order_by("sequence")
        assert [event.type for event in events] == [
            "transaction.created",
            "transaction.succeeded",
        ]
    assert api.balance()["pending"] == 5 * 941


def test_one_external_id_makes_one_customer(api: Api) -> None:
    responses = at_once(
        CLIENTS, lambda _: api.post("/v1/customers", {"external_customer_id": "C-1"})
    )

    assert sorted(r.status_code for r in responses) == [201] + [400] * 7
    assert Customer.objects.filter(merchant_id=api.scope.merchant_id).count() == 1


def test_one_card_of_one_customer_has_one_token(api: Api) -> None:
    customer = api.post("/v1/customers", {}).json()["id"]
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    body = {"type": "card", "card": card, "customer": customer}

    responses = at_once(CLIENTS, lambda _: api.post("/v1/payment_methods", body))

    assert {r.status_code for r in responses} <= {200, 201}
    assert len({r.json()["id"] for r in responses}) == 1
