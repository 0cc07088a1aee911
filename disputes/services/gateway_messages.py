"""What gateways tell later of refunds and disputes."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from disputes import states
from disputes.locking import lock_refund
from disputes.models import (
    DISPUTE_TYPES,
    FAILURE_REASON_LENGTH_MAX,
    REASON_CODE_LENGTH_MAX,
    Dispute,
)
from disputes.services.escalate_dispute import escalate_dispute
from disputes.services.finish_refund import complete_refund, fail_refund, may_have_failed_at_bank
from disputes.services.open_dispute import open_dispute
from transactions import states as transaction_states
from transactions.gateways.callback_handlers import (
    Contradiction,
    NotYet,
    register_callback_handler,
    text_of,
)
from transactions.locking import lock_charge, require_gateway
from transactions.models import Transaction
from transactions.services.callbacks import GATEWAY_ACTOR

logger = logging.getLogger(__name__)


def register_gateway_messages() -> None:
    """Has the callbacks of refunds and disputes applied here; called once, when the app starts."""
    register_callback_handler("refund.succeeded", _refund_succeeded)
    register_callback_handler("refund.failed", _refund_failed)
    register_callback_handler("dispute.created", _dispute_created)


def _refund_succeeded(gateway_name: str, payload: Mapping[str, Any]) -> str:
    transaction, refund = lock_refund(UUID(payload["refund"]))
    require_gateway(transaction, gateway_name)
    if refund.status in states.REFUND_UNPAID and not may_have_failed_at_bank(refund):
        raise Contradiction(f"refund is {refund.status}, the gateway says it was paid")
    if refund.status == states.PENDING:
        complete_refund(transaction=transaction, refund=refund, actor=GATEWAY_ACTOR)
    return f"refund is {refund.status}"


def _refund_failed(gateway_name: str, payload: Mapping[str, Any]) -> str:
    transaction, refund = lock_refund(UUID(payload["refund"]))
    require_gateway(transaction, gateway_name)
    if refund.status in (states.PENDING, states.SUCCEEDED):
        reason = text_of(payload, "reason", length_max=FAILURE_REASON_LENGTH_MAX)
        fail_refund(
            transaction=transaction,
            refund=refund,
            reason=reason or "rejected_by_bank",
            actor=GATEWAY_ACTOR,
        )
    return f"refund is {refund.status}"


def _dispute_created(gateway_name: str, payload: Mapping[str, Any]) -> str:
    transaction = lock_charge(gateway_name=gateway_name, transaction_id=UUID(payload["charge"]))
    if payload["type"] not in DISPUTE_TYPES:
        logger.error("gateway %s disputes %s in a way of its own", gateway_name, transaction.pk)
        return "ignored: unknown dispute type"
    if transaction.status in (
        transaction_states.PENDING,
        transaction_states.AUTHORIZED,
        transaction_states.CAPTURED,
    ):
        raise NotYet
    if transaction.status not in transaction_states.SUCCESSFUL:
        # Its money never was the merchant's: there is nothing to hold.
        raise Contradiction(f"transaction is {transaction.status}, the gateway says it is disputed")
    known = Dispute.objects.filter(gateway_dispute_id=payload["dispute"]).first()
    if known is not None:
        dispute = _dispute_again(known, transaction, payload)
    else:
        dispute = open_dispute(
            transaction=transaction,
            dispute_type=payload["type"],
            reason_code=_reason_code(payload),
            amount=int(payload["amount"]),
            gateway_dispute_id=payload["dispute"],
            actor=GATEWAY_ACTOR,
        )
    return f"dispute {dispute.pk} is {dispute.status}"


def _dispute_again(known: Dispute, transaction: Transaction, payload: Mapping[str, Any]) -> Dispute:
    """A dispute that is told once more: as it was, or as the chargeback that it has become."""
    if known.transaction_id != transaction.pk:
        raise Contradiction(f"dispute {known.pk} is of {known.transaction_id}")
    if known.dispute_type == Dispute.CHARGEBACK or payload["type"] == Dispute.INQUIRY:
        return known
    if known.status not in states.DISPUTE_UNRESOLVED:
        raise Contradiction(f"inquiry {known.pk} is {known.status}, now it is a chargeback")
    return escalate_dispute(
        dispute_id=known.pk,
        amount=int(payload["amount"]),
        reason_code=_reason_code(payload),
        actor=GATEWAY_ACTOR,
    )


def _reason_code(payload: Mapping[str, Any]) -> str | None:
    return text_of(payload, "reason", length_max=REASON_CODE_LENGTH_MAX)
