"""What gateways tell of disputes and refunds, in words and of kinds that we did not choose."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from disputes.models import Dispute, Refund
from disputes.services.audit_books import audit_books
from disputes.services.close_dispute import close_dispute
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.models import Event
from tests.api_client import Api
from tests.gateway_messages import forget_contradictions, told
from transactions.balances import fold_balances
from transactions.models import GatewayCallback, SimulatorRefund

FEE = 1500


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget_contradictions()


def disputed(transaction: str, dispute: str, **data: Any) -> GatewayCallback:
    usual = {"type": "inquiry", "reason": "fraudulent", "amount": 1000}
    return told("dispute.created", charge=transaction, dispute=dispute, **(usual | data))


def types_of(dispute: Dispute) -> list[str]:
    events = Event.objects.filter(aggregateid=str(dispute.pk)).order_by("sequence")
    return [event.type for event in events]


def test_long_reason_of_a_dispute_is_cut(api: Api) -> None:
    transaction = api.paid(amount=1000)["id"]

    message = disputed(transaction, uuid4().hex, reason="subscription_cancelled_by_holder")

    dispute = Dispute.objects.get(transaction_id=transaction)
    assert message.outcome == f"dispute {dispute.pk} is open"
    assert dispute.reason_code == "subscription_cancell"


def test_long_reason_of_a_failed_refund_is_cut(api: Api) -> None:
    transaction = api.paid("4000000000007726", amount=1000)["id"]
    refund = api.post("/v1/refunds", {"transaction": transaction}).json()["id"]
    SimulatorRefund.objects.filter(reference=refund).update(status="failed")

    message = told("refund.failed", refund=refund, reason="é" * 101)

    assert message.outcome == "refund is failed"
    assert Refund.objects.get(pk=refund).failure_reason == "é" * 100


def test_dispute_of_a_kind_that_we_do_not_know_is_put_aside(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    transaction = api.paid(amount=1000)["id"]

    message = disputed(transaction, uuid4().hex, type="pre_arbitration")

    assert message.processed_at is not None
    assert message.outcome == "ignored: unknown dispute type"
    assert not Dispute.objects.filter(transaction_id=transaction).exists()
    assert [r.levelno for r in caplog.records if transaction in r.message] == [logging.ERROR]


def test_inquiry_that_becomes_a_chargeback_takes_the_money(api: Api) -> None:
    transaction = api.paid(amount=1000)["id"]
    identity = uuid4().hex
    disputed(transaction, identity)
    Dispute.objects.filter(gateway_dispute_id=identity).update(due_date=date(2020, 1, 1))

    disputed(transaction, identity, type="chargeback", reason="not_received", amount=600)
    disputed(transaction, identity, type="chargeback", reason="not_received", amount=600)
    disputed(transaction, identity)

    dispute = Dispute.objects.get(gateway_dispute_id=identity)
    assert (dispute.dispute_type, dispute.status) == ("chargeback", "open")
    assert (dispute.amount, dispute.held_amount, dispute.fee_amount) == (600, 600, FEE)
    assert dispute.reason_code == "not_received"
    assert dispute.due_date == datetime.now(UTC).date() + timedelta(days=14)
    assert types_of(dispute) == ["dispute.created", "dispute.updated", "dispute.funds_withdrawn"]
    escalated = Event.objects.get(aggregateid=str(dispute.pk), type="dispute.updated")
    assert escalated.payload["object"]["dispute_type"] == "chargeback"
    assert escalated.payload["previous_attributes"] == {"dispute_type": "inquiry", "amount": 1000}
    assert api.transaction(transaction)["status"] == "disputed"
    assert api.balance() == {"pending": 941, "available": -600 - FEE, "reserved": 600 + FEE}
    run_in_transaction(lambda: close_dispute(dispute_id=dispute.pk, status="won", actor=SYSTEM))
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}
    assert api.transaction(transaction)["status"] == "succeeded"
    fold_balances()
    assert audit_books() == []


def test_inquiry_told_again_stays_one(api: Api) -> None:
    transaction = api.paid(amount=1000)["id"]
    identity = uuid4().hex

    for _ in range(2):
        disputed(transaction, identity)

    dispute = Dispute.objects.get(gateway_dispute_id=identity)
    assert types_of(dispute) == ["dispute.created"]
    assert api.transaction(transaction)["status"] == "succeeded"
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_chargeback_of_an_inquiry_that_was_closed_takes_the_money(api: Api) -> None:
    transaction = api.paid(amount=1000)["id"]
    identity = uuid4().hex
    disputed(transaction, identity)
    dispute = Dispute.objects.get(gateway_dispute_id=identity)
    run_in_transaction(
        lambda: close_dispute(dispute_id=dispute.pk, status="warning_closed", actor=SYSTEM)
    )

    message = disputed(transaction, identity, type="chargeback")

    assert message.outcome == f"dispute {dispute.pk} is open"
    assert types_of(dispute) == [
        "dispute.created", "dispute.closed", "dispute.updated", "dispute.funds_withdrawn",
    ]  # fmt: skip
    reopened = Event.objects.get(aggregateid=str(dispute.pk), type="dispute.updated")
    assert reopened.payload["previous_attributes"]["status"] == "warning_closed"
    assert api.balance() == {"pending": 941, "available": -1000 - FEE, "reserved": 1000 + FEE}


def test_chargeback_of_an_inquiry_that_is_lost_is_a_contradiction(api: Api) -> None:
    transaction = api.paid(amount=1000)["id"]
    identity = uuid4().hex
    disputed(transaction, identity)
    dispute = Dispute.objects.get(gateway_dispute_id=identity)
    run_in_transaction(lambda: close_dispute(dispute_id=dispute.pk, status="lost", actor=SYSTEM))

    message = disputed(transaction, identity, type="chargeback")

    assert message.outcome == (
        f"contradiction: inquiry {dispute.pk} is lost, now it is a chargeback"
    )
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_dispute_of_one_payment_is_never_anothers(api: Api, other_api: Api) -> None:
    ours, theirs = api.paid(amount=1000)["id"], other_api.paid(amount=500)["id"]
    identity = uuid4().hex
    disputed(ours, identity)
    dispute = Dispute.objects.get(gateway_dispute_id=identity)

    message = disputed(theirs, identity, type="chargeback", amount=500)

    assert message.outcome == f"contradiction: dispute {dispute.pk} is of {ours}"
    dispute.refresh_from_db()
    assert dispute.dispute_type == "inquiry"
    assert other_api.transaction(theirs)["status"] == "succeeded"
    assert other_api.balance()["available"] == 0
