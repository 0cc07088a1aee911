"""What a gateway promised to tell and never told: asked for, and settled by an explicit answer."""

import logging
from typing import Any

import pytest

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from disputes.services.settle_overdue_refunds import settle_overdue_refunds
from payments_project.models import Event
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.threads import at_once
from tests.transactions.gateway_doubles import UNKNOWN, scripted
from transactions.balances import fold_balances
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import (
    LedgerEntry,
    SimulatorCallback,
    SimulatorCharge,
    SimulatorRefund,
)
from transactions.services.confirm_overdue import confirm_overdue_captures

CONFIRMED_LATER = "4000000000006033"
REFUNDED_LATER = "4000000000007726"

STILL_WAITING = GatewayResult(Outcome.ACCEPTED)
AWAY = GatewayResult(Outcome.UNAVAILABLE)
NOT_FOUND = GatewayResult(Outcome.NOT_FOUND)


def captured(amount: int) -> GatewayResult:
    return GatewayResult(Outcome.SUCCEEDED, captured_amount=amount)


@pytest.fixture
def _overdue(settings: Any) -> None:
    """Every message is overdue at once."""
    settings.GATEWAY_MESSAGE_OVERDUE_SECONDS = -1


def unconfirmed(api: Api) -> str:
    """A captured payment whose confirmation was lost on its way."""
    transaction: str = api.paid(CONFIRMED_LATER, amount=1000)["id"]
    SimulatorCallback.objects.filter(message__data__charge=transaction).delete()
    return transaction


def untold_refund(api: Api) -> tuple[str, str]:
    """A payment, and a refund of it that the gateway accepted, whose outcome was lost."""
    transaction = api.paid(REFUNDED_LATER, amount=1000)["id"]
    refund = api.post("/v1/refunds", {"transaction": transaction, "amount": 400}).json()["id"]
    SimulatorCallback.objects.filter(message__data__refund=refund).delete()
    return transaction, refund


def types_of(aggregate_id: str) -> list[str]:
    events = Event.objects.filter(aggregateid=aggregate_id).order_by("sequence")
    return [event.type for event in events]


@pytest.mark.usefixtures("_overdue")
def test_capture_that_nobody_confirmed_is_asked_about(api: Api) -> None:
    transaction = unconfirmed(api)
    SimulatorCharge.objects.filter(reference=transaction).update(status="captured")

    assert confirm_overdue_captures()["settled"] >= 1

    assert api.transaction(transaction)["status"] == "succeeded"
    assert types_of(transaction) == [
        "transaction.created",
        "transaction.captured",
        "transaction.succeeded",
    ]
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


@pytest.mark.usefixtures("_overdue")
def test_capture_that_the_gateway_refused_after_all_has_failed(api: Api) -> None:
    transaction = unconfirmed(api)
    SimulatorCharge.objects.filter(reference=transaction).update(
        status="declined", decline_code="generic_decline", captured_amount=0
    )

    confirm_overdue_captures()

    failed = api.transaction(transaction)
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "processing_error")
    assert types_of(transaction)[2:] == ["transaction.failed"]
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


@pytest.mark.usefixtures("_overdue")
@pytest.mark.parametrize(
    "answer",
    [STILL_WAITING, UNKNOWN, AWAY, NOT_FOUND, captured(0), captured(999)],
    ids=["still waiting", "silent", "down", "not found", "only authorized", "another amount"],
)
def test_capture_stays_as_it_is_until_the_answer_is_explicit(
    api: Api, answer: GatewayResult
) -> None:
    transaction = unconfirmed(api)

    with scripted(transaction, lookup=[answer]) as gateway:
        confirm_overdue_captures()
        assert api.transaction(transaction)["status"] == "captured"
        assert types_of(transaction) == ["transaction.created", "transaction.captured"]

    assert gateway.asked == ["lookup"]
    SimulatorCharge.objects.filter(reference=transaction).update(status="captured")
    confirm_overdue_captures()
    assert api.transaction(transaction)["status"] == "succeeded"


@pytest.mark.usefixtures("_overdue")
def test_refund_whose_outcome_nobody_told_is_asked_about(api: Api) -> None:
    transaction, refund = untold_refund(api)
    SimulatorRefund.objects.filter(reference=refund).update(status="succeeded")

    assert settle_overdue_refunds()["settled"] >= 1

    assert Refund.objects.get(pk=refund).status == "succeeded"
    assert types_of(refund) == ["refund.created", "refund.succeeded"]
    assert api.transaction(transaction)["refunded_amount"] == 400
    assert api.balance()["available"] == -400


@pytest.mark.usefixtures("_overdue")
def test_refund_that_the_gateway_refused_after_all_has_failed(api: Api) -> None:
    transaction, refund = untold_refund(api)
    SimulatorRefund.objects.filter(reference=refund).update(status="failed")

    settle_overdue_refunds()

    assert Refund.objects.get(pk=refund).failure_reason == "declined"
    assert types_of(refund) == ["refund.created", "refund.failed"]
    assert api.transaction(transaction)["refunded_amount"] == 0
    assert api.balance()["available"] == 0


@pytest.mark.usefixtures("_overdue")
@pytest.mark.parametrize(
    "answer",
    [STILL_WAITING, UNKNOWN, AWAY, NOT_FOUND],
    ids=["still waiting", "silent", "down", "not found"],
)
def test_refund_stays_pending_until_the_answer_is_explicit(api: Api, answer: GatewayResult) -> None:
    transaction, refund = untold_refund(api)

    with scripted(transaction, lookup_refund=[answer]) as gateway:
        settle_overdue_refunds()

    assert gateway.asked == ["lookup_refund"]
    assert Refund.objects.get(pk=refund).status == "pending"
    assert api.transaction(transaction)["refunded_amount"] == 400


def test_nobody_is_asked_before_the_message_is_overdue(api: Api) -> None:
    transaction = unconfirmed(api)
    refunded, refund = untold_refund(api)

    with scripted(transaction, lookup=[captured(1000)]) as of_capture:
        confirm_overdue_captures()
    with scripted(refunded, lookup_refund=[GatewayResult(Outcome.SUCCEEDED)]) as of_refund:
        settle_overdue_refunds()

    assert of_capture.asked == of_refund.asked == []
    assert api.transaction(transaction)["status"] == "captured"
    assert Refund.objects.get(pk=refund).status == "pending"


@pytest.mark.usefixtures("_overdue")
def test_gateway_that_breaks_down_does_not_stop_the_others(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = unconfirmed(api), unconfirmed(api)
    refunded, broken_refund = untold_refund(api)
    _, sound_refund = untold_refund(api)
    SimulatorCharge.objects.filter(reference=sound).update(status="captured")
    SimulatorRefund.objects.filter(reference=sound_refund).update(status="succeeded")

    with caplog.at_level(logging.ERROR), scripted(broken, lookup=[None]):
        confirm_overdue_captures()
    with caplog.at_level(logging.ERROR), scripted(refunded, lookup_refund=[None]):
        settle_overdue_refunds()

    assert api.transaction(broken)["status"] == "captured"
    assert api.transaction(sound)["status"] == "succeeded"
    assert Refund.objects.get(pk=broken_refund).status == "pending"
    assert Refund.objects.get(pk=sound_refund).status == "succeeded"
    assert f"could not ask about transaction {broken}" in caplog.messages
    assert f"could not ask about refund {broken_refund}" in caplog.messages


@pytest.mark.usefixtures("_overdue", "runs_at_once")
def test_asking_and_being_told_at_once_settle_it_once(api: Api) -> None:
    transaction = api.paid(CONFIRMED_LATER, amount=1000)["id"]
    refunded = api.paid(REFUNDED_LATER, amount=1000)["id"]
    refund = api.post("/v1/refunds", {"transaction": refunded, "amount": 400}).json()["id"]
    SimulatorCharge.objects.filter(reference=transaction).update(status="captured")
    SimulatorRefund.objects.filter(reference=refund).update(status="succeeded")
    ways = [confirm_overdue_captures, settle_overdue_refunds, deliver_gateway_messages]

    at_once(6, lambda number: ways[number % 3]())
    deliver_gateway_messages()

    assert types_of(transaction)[2:] == ["transaction.succeeded"]
    assert types_of(refund) == ["refund.created", "refund.succeeded"]
    assert LedgerEntry.objects.filter(transaction_id=transaction, type="payment").count() == 1
    assert LedgerEntry.objects.filter(source_id=refund).count() == 1
    fold_balances()
    assert audit_books() == []
