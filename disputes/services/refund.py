"""Refunding a payment: reserve the amount, ask the gateway, commit the outcome."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from disputes import states
from disputes.errors import AmountExceedsRefundable
from disputes.models import Refund
from disputes.services.finish_refund import finish_refund
from disputes.snapshot import refund_snapshot
from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Conflict, ServiceError
from payments_project.events.record import record_event
from payments_project.idempotency.keys import KeyClaim, claim_key
from payments_project.idempotency.models import IdempotencyKey
from payments_project.idempotency.replies import Replies, store_refusal
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.errors import TransactionStateInvalid
from transactions.gateways.calls import call_gateway
from transactions.gateways.registry import get_gateway
from transactions.locking import lock_transaction
from transactions.models import Transaction
from transactions.services.outcome_or_pending import outcome_or_pending
from transactions.services.reserve_refund import reserve_refund


def refund_transaction(
    *,
    scope: Scope,
    transaction_id: UUID,
    amount: int | None,
    reason: str | None,
    metadata: dict[str, str],
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[Refund],
    within: Callable[[Refund], None] | None = None,
) -> Refund:
    """Gives ``amount`` (minor units; None is all that is left) back to the customer.

    The amount is reserved on the transaction under its row's lock before the gateway is asked, so
    that concurrent refunds never exceed what was captured; a refund that fails gives it back.
    Where the gateway's answer is unknown, comes later or could not be written, the refund stays
    pending. ``within`` writes what belongs to the intent, in its transaction.

    Raises ``TransactionStateInvalid``, ``AmountExceedsRefundable``, ``ResourceMissing`` (400, for
    ``transaction``), ``Unavailable`` when the gateway could not take it, and ``KeyTaken``.
    """

    def work() -> tuple[Transaction, Refund, UUID | None] | ServiceError:
        transaction = lock_transaction(
            transaction_id=transaction_id, scope=scope, param="transaction"
        )
        key_id = claim_key(claim) if claim else None
        try:
            wanted = _refundable(transaction, amount)
        except Conflict as refusal:
            return store_refusal(key_id, refusal, replies)
        reserve_refund(transaction=transaction, amount=wanted)
        refund = _insert_refund(transaction, wanted, reason, metadata, actor)
        record_event(
            aggregate=refund, type="refund.created", data=refund_snapshot(refund), actor=actor
        )
        if within:
            within(refund)
        if key_id:
            IdempotencyKey.objects.filter(pk=key_id).update(resource_id=str(refund.pk))
        return transaction, refund, key_id

    begun = run_in_transaction(work)
    if isinstance(begun, ServiceError):
        raise begun
    transaction, refund, key_id = begun
    return outcome_or_pending(
        ask=lambda: call_gateway(
            get_gateway(transaction.gateway_name).refund,
            charge=transaction.pk,
            reference=refund.pk,
            amount=refund.amount,
        ),
        finish=lambda result: finish_refund(
            refund_id=refund.pk, result=result, actor=actor, key_id=key_id, replies=replies
        ),
        pending=lambda: refund,
        replies=replies,
        intent=f"refund {refund.pk}",
    )


def _refundable(transaction: Transaction, amount: int | None) -> int:
    if transaction.status not in (transaction_states.SUCCEEDED, transaction_states.REFUNDED):
        raise TransactionStateInvalid(
            f"A transaction that is {transaction.status} can't be refunded."
        )
    left = transaction.left_to_refund
    wanted = left if amount is None else amount
    if wanted > left or left == 0:
        raise AmountExceedsRefundable(f"At most {left} can be refunded.", param="amount")
    return wanted


def _insert_refund(
    transaction: Transaction,
    amount: int,
    reason: str | None,
    metadata: dict[str, Any],
    actor: Actor,
) -> Refund:
    refund = Refund(
        transaction=transaction,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        amount=amount,
        currency=transaction.currency,
        reason=reason,
        metadata=metadata,
        status=states.PENDING,
        requested_by=actor.id,
        requested_by_kind=actor.kind,
    )
    refund.save(force_insert=True)
    return refund
