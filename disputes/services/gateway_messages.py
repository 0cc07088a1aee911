"""What gateways tell later of refunds and disputes."""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from disputes import states
from disputes.locking import lock_dispute, lock_refund
from disputes.models import (
    DISPUTE_TYPES,
    FAILURE_REASON_LENGTH_MAX,
    REASON_CODE_LENGTH_MAX,
    Dispute,
)
from disputes.services.close_dispute import close_dispute
from disputes.services.dispute_acts import pending_operation
from disputes.services.escalate_dispute import escalate_dispute
from disputes.services.finish_refund import complete_refund, fail_refund, may_have_been_unpaid
from disputes.services.open_dispute import open_dispute
from disputes.services.update_dispute import update_dispute
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
    register_callback_handler("dispute.updated", _dispute_updated)
    register_callback_handler("dispute.closed", _dispute_closed)


def _refund_succeeded(gateway_name: str, payload: Mapping[str, Any]) -> str:
    transaction, refund = lock_refund(UUID(payload["refund"]))
    require_gateway(transaction, gateway_name)
    if not may_have_been_unpaid(refund):
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
            due_date=_day(payload),
            is_at_gateway=True,
            actor=GATEWAY_ACTOR,
        )
    return f"dispute {dispute.pk} is {dispute.status}"


def _dispute_again(known: Dispute, transaction: Transaction, payload: Mapping[str, Any]) -> Dispute:
    """A dispute that is told once more: as it was, or as the chargeback that it has become."""
    if known.transaction_id != transaction.pk:
        raise Contradiction(f"dispute {known.pk} is of {known.transaction_id}")
    if not known.is_at_gateway:
        # Staff had opened it, by what the network calls it.
        known.is_at_gateway = True
        known.save(update_fields=["is_at_gateway"])
    if known.dispute_type == Dispute.CHARGEBACK or payload["type"] == Dispute.INQUIRY:
        return known
    _require_settled(known)
    if known.status not in states.DISPUTE_ESCALATED_FROM:
        raise Contradiction(f"inquiry {known.pk} is {known.status}, now it is a chargeback")
    return escalate_dispute(
        dispute_id=known.pk,
        amount=int(payload["amount"]),
        reason_code=_reason_code(payload),
        due_date=_day(payload),
        actor=GATEWAY_ACTOR,
    )


def _dispute_updated(gateway_name: str, payload: Mapping[str, Any]) -> str:
    dispute = _lock_told(gateway_name, payload)
    if dispute.status in states.DISPUTE_OUTCOMES:
        return f"ignored: dispute {dispute.pk} is {dispute.status}"
    update_dispute(
        dispute=dispute,
        due_date=_day(payload),
        reason_code=_reason_code(payload),
        is_under_review=payload.get("status") == states.UNDER_REVIEW,
        actor=GATEWAY_ACTOR,
    )
    return f"dispute {dispute.pk} is {dispute.status}"


def _dispute_closed(gateway_name: str, payload: Mapping[str, Any]) -> str:
    dispute = _lock_told(gateway_name, payload)
    status = payload["status"]
    if status not in states.DISPUTE_OUTCOMES:
        logger.error("gateway %s closes %s in a way of its own", gateway_name, dispute.pk)
        return "ignored: unknown dispute status"
    if dispute.status in states.DISPUTE_OUTCOMES and dispute.status != status:
        raise Contradiction(f"dispute {dispute.pk} is {dispute.status}, the gateway says {status}")
    if dispute.status != status:
        if status == states.WARNING_CLOSED and dispute.dispute_type == Dispute.CHARGEBACK:
            raise Contradiction(f"dispute {dispute.pk} is a chargeback, the gateway says {status}")
        dispute = close_dispute(dispute_id=dispute.pk, status=status, actor=GATEWAY_ACTOR)
    return f"dispute {dispute.pk} is {dispute.status}"


def _lock_told(gateway_name: str, payload: Mapping[str, Any]) -> Dispute:
    """The dispute that a message is about, locked. Raises ``NotYet`` where the message that opens
    it is still to come, or the gateway is being asked something about it, whose answer comes first;
    ``ResourceMissing`` where the dispute or the charge that is named is not this gateway's."""
    if payload.get("charge") is not None:
        lock_charge(gateway_name=gateway_name, transaction_id=UUID(payload["charge"]))
    dispute_id = (
        Dispute.objects.filter(gateway_dispute_id=payload["dispute"])
        .values_list("pk", flat=True)
        .first()
    )
    if dispute_id is None:
        raise NotYet
    transaction, dispute = lock_dispute(dispute_id)
    require_gateway(transaction, gateway_name)
    if payload.get("charge") not in (None, str(transaction.pk)):
        raise Contradiction(f"dispute {dispute.pk} is of {transaction.pk}")
    _require_settled(dispute)
    return dispute


def _require_settled(dispute: Dispute) -> None:
    if pending_operation(dispute) is not None:
        raise NotYet


def _day(payload: Mapping[str, Any]) -> date | None:
    """The last day on which the dispute can be answered; None if the gateway names none that can
    be read, which keeps no dispute from being opened."""
    text = payload.get("due_date")
    if text is None:
        return None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        logger.error("a gateway names a day that can't be read")
        return None


def _reason_code(payload: Mapping[str, Any]) -> str | None:
    return text_of(payload, "reason", length_max=REASON_CODE_LENGTH_MAX)
