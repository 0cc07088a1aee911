"""What gateways tell later of refunds and disputes."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from disputes import states
from disputes.locking import lock_refund
from disputes.services.finish_refund import complete_refund, fail_refund
from disputes.services.open_dispute import open_dispute
from transactions import states as transaction_states
from transactions.gateways.callback_handlers import NotYet, register_callback_handler
from transactions.locking import lock_charge, require_gateway
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
    if refund.status == states.PENDING:
        complete_refund(transaction=transaction, refund=refund, actor=GATEWAY_ACTOR)
    return f"refund is {refund.status}"


def _refund_failed(gateway_name: str, payload: Mapping[str, Any]) -> str:
    transaction, refund = lock_refund(UUID(payload["refund"]))
    require_gateway(transaction, gateway_name)
    if refund.status in (states.PENDING, states.SUCCEEDED):
        fail_refund(
            transaction=transaction,
            refund=refund,
            reason=str(payload.get("reason", "rejected_by_bank")),
            actor=GATEWAY_ACTOR,
        )
    return f"refund is {refund.status}"


def _dispute_created(gateway_name: str, payload: Mapping[str, Any]) -> str:
    transaction = lock_charge(gateway_name=gateway_name, transaction_id=UUID(payload["charge"]))
    if transaction.status in (
        transaction_states.PENDING,
        transaction_states.AUTHORIZED,
        transaction_states.CAPTURED,
    ):
        raise NotYet
    if transaction.status not in transaction_states.SUCCESSFUL:
        # Its money never was the merchant's: there is nothing to hold.
        logger.error("gateway %s disputes a payment of no effect: %s", gateway_name, transaction.pk)
        return f"ignored: transaction is {transaction.status}"
    dispute = open_dispute(
        transaction=transaction,
        dispute_type=payload["type"],
        reason_code=payload.get("reason"),
        amount=int(payload["amount"]),
        gateway_dispute_id=payload["dispute"],
        actor=GATEWAY_ACTOR,
    )
    return f"dispute {dispute.pk} is {dispute.status}"
