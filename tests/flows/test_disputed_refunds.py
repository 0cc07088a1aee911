"""Chargebacks and refunds of one payment: together they cost the merchant it once, never less."""

import json
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction as database

from disputes.models import Dispute
from disputes.services.audit_books import audit_books
from disputes.services.close_dispute import close_dispute
from disputes.services.open_dispute import open_dispute
from payments_project.actor import SYSTEM
from payments_project.models import Event
from tests.api_client import Api
from transactions.balances import fold_balances
from transactions.gateways.simulator import callbacks
from transactions.locking import lock_transaction
from transactions.models import SimulatorCallback, SimulatorRefund
from transactions.services.callbacks import apply_callbacks, receive_callback

REFUNDED_LATER = "4000000000007726"
SUCCEEDED_THEN_FAILED = "4000000000005126"
AT_ONCE_AVAILABLE = "4000000000000077"
FEE = 1500


def disputed(transaction_id: str, amount: int = 1000) -> Dispute:
    with database.atomic():
        return open_dispute(
            transaction=lock_transaction(transaction_id=UUID(transaction_id)),
            dispute_type="chargeback",
            reason_code="fraudulent",
            amount=amount,
            gateway_dispute_id=f"dp_{uuid4().hex}",
            actor=SYSTEM,
        )


def decided(dispute: Dispute, status: str) -> Dispute:
    with database.atomic():
        return close_dispute(dispute_id=dispute.pk, status=status, actor=SYSTEM)


def refunded(api: Api, transaction: dict[str, Any], amount: int) -> str:
    body = {"transaction": transaction["id"], "amount": amount}
    refund: str = api.post("/v1/refunds", body).json()["id"]
    SimulatorCallback.objects.filter(message__data__refund=refund).delete()
    return refund


def told(kind: str, refund: str) -> None:
    """The gateway's late word on a refund, which is what its own record says then."""
    SimulatorRefund.objects.filter(reference=refund).update(status=kind.partition(".")[2])
    message = {"id": f"test_{uuid4().hex}", "type": kind, "data": {"refund": refund}}
    body = json.dumps(message).encode()
    headers = {callbacks.SIGNATURE_HEADER: callbacks.sign(body)}
    receive_callback(gateway_name="simulator", headers=headers, body=body)
    apply_callbacks()


def books_balance() -> bool:
    fold_balances()
    return audit_books() == []


def test_refund_that_fails_under_an_open_chargeback_is_held(api: Api) -> None:
    transaction = api.paid(REFUNDED_LATER, amount=1000)
    refund = refunded(api, transaction, 600)
    dispute = disputed(transaction["id"])
    assert dispute.held_amount == 400
    assert api.balance() == {"pending": 941, "available": -400 - FEE, "reserved": 400 + FEE}

    told("refund.failed", refund=refund)

    dispute.refresh_from_db()
    assert dispute.held_amount == 1000
    assert api.balance() == {"pending": 941, "available": -1000 - FEE, "reserved": 1000 + FEE}
    types = [event.type for event in Event.objects.filter(aggregateid=str(dispute.pk))]
    assert types.count("dispute.funds_withdrawn") == 2
    decided(dispute, "won")
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_refund_that_fails_after_a_lost_chargeback_is_taken(api: Api) -> None:
    transaction = api.paid(REFUNDED_LATER, amount=1000)
    refund = refunded(api, transaction, 1000)
    dispute = disputed(transaction["id"])
    assert dispute.held_amount == 0
    decided(dispute, "lost")
    assert api.balance() == {"pending": 941, "available": -FEE, "reserved": 0}

    told("refund.failed", refund=refund)

    assert api.balance() == {"pending": 941, "available": -1000 - FEE, "reserved": 0}
    assert api.transaction(transaction["id"])["status"] == "disputed"


def test_refund_that_fails_late_under_a_chargeback_costs_the_payment_once(api: Api) -> None:
    transaction = api.paid(SUCCEEDED_THEN_FAILED, amount=1000)
    refund = refunded(api, transaction, 1000)
    disputed(transaction["id"])
    assert api.balance() == {"pending": 941, "available": -1000 - FEE, "reserved": FEE}

    told("refund.failed", refund=refund)

    assert api.balance() == {"pending": 941, "available": -1000 - FEE, "reserved": 1000 + FEE}


def test_chargebacks_on_one_payment_hold_no_more_than_it(api: Api) -> None:
    transaction = api.paid(AT_ONCE_AVAILABLE, amount=1000)

    held = [disputed(transaction["id"], amount).held_amount for amount in (700, 700, 700)]

    assert held == [700, 300, 0]
    assert api.balance()["reserved"] == 1000 + 3 * FEE
    assert books_balance()


def test_chargeback_that_was_won_holds_nothing_against_the_next(api: Api) -> None:
    transaction = api.paid(AT_ONCE_AVAILABLE, amount=1000)
    decided(disputed(transaction["id"]), "won")

    assert disputed(transaction["id"]).held_amount == 1000
    assert books_balance()


def test_won_chargeback_leaves_a_payment_whose_refund_is_pending_succeeded(api: Api) -> None:
    transaction = api.paid(REFUNDED_LATER, amount=1000)
    refund = refunded(api, transaction, 1000)

    decided(disputed(transaction["id"]), "won")

    assert api.transaction(transaction["id"])["status"] == "succeeded"
    told("refund.succeeded", refund=refund)
    assert api.transaction(transaction["id"])["status"] == "refunded"
