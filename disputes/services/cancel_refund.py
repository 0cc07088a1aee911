"""Cancelling a refund that is pending: only where the gateway has it barred for certain."""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import QuerySet

from disputes import states
from disputes.errors import RefundStateInvalid
from disputes.locking import lock_refund
from disputes.models import Refund
from disputes.services.finish_refund import call_off_refund
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Conflict, ServiceError, Unavailable
from payments_project.idempotency.keys import KeyClaim, claim_key, store_reply
from payments_project.idempotency.models import IdempotencyKey
from payments_project.idempotency.replies import NoReplies, Replies, store_refusal
from payments_project.tenancy import Scope
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.registry import get_gateway
from transactions.models import Transaction
from transactions.services.contradictions import keep_contradicting_answer
from transactions.services.outcome_or_pending import outcome_or_pending

GATEWAY_UNAVAILABLE = "gateway_unavailable"


def cancel_refund(
    *,
    scope: Scope | None,
    refund_id: UUID,
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[Refund],
) -> Refund:
    """Calls a pending refund off: its amount is refundable again and chargebacks hold it again.

    That it is to be cancelled is committed first; then the gateway is asked to bar it
    (``bar_refund``), and what it answers decides. Barred, it was not paid and never will be: it is
    cancelled. Not barred, it may have been paid: it stays pending and is settled as it would have
    been. Where the answer is unknown the refund is told as pending, and the resolver asks again.

    Raises ``RefundStateInvalid`` for one that is not pending or can't be barred any more,
    ``Unavailable`` where the gateway could not be reached, ``ResourceMissing`` and ``KeyTaken``.
    """

    def work() -> tuple[Refund, UUID | None] | ServiceError:
        _, refund = lock_refund(refund_id, scope=scope)
        key_id = claim_key(claim) if claim else None
        try:
            _require_pending(refund)
        except Conflict as refusal:
            return store_refusal(key_id, refusal, replies)
        refund.cancel_requested_at = datetime.now(UTC)
        refund.save(update_fields=["cancel_requested_at"])
        if key_id:
            IdempotencyKey.objects.filter(pk=key_id).update(resource_id=str(refund.pk))
        return refund, key_id

    begun = run_in_transaction(work)
    if isinstance(begun, ServiceError):
        raise begun
    refund, key_id = begun
    return outcome_or_pending(
        ask=lambda: _bar(refund.pk),
        finish=lambda result: _finish(
            refund_id=refund.pk, result=result, actor=actor, key_id=key_id, replies=replies
        ),
        pending=lambda: refund,
        replies=replies,
        intent=f"the cancellation of refund {refund.pk}",
    )


def cancelling_refunds() -> QuerySet[Refund]:
    """Refunds whose gateway is being asked to bar them."""
    return Refund.objects.filter(status=states.PENDING, cancel_requested_at__isnull=False)


def complete_cancellation(
    *,
    refund_id: UUID,
    actor: Actor = SYSTEM,
    key_id: UUID | None = None,
    replies: Replies[Refund] | None = None,
) -> Refund:
    """Brings a cancellation past its lease to its end by asking for the bar again, which does
    nothing twice. Raises as ``cancel_refund`` does."""
    result = _bar(refund_id)
    if result.outcome is Outcome.UNAVAILABLE:
        # Of the call before it, "certainly nothing happened" says nothing.
        result = GatewayResult(Outcome.UNKNOWN, message=result.message)
    return _finish(
        refund_id=refund_id,
        result=result,
        actor=actor,
        key_id=key_id,
        replies=replies or NoReplies(),
    )


def _bar(refund_id: UUID) -> GatewayResult:
    refund = Refund.objects.select_related("transaction").get(pk=refund_id)
    gateway = get_gateway(refund.transaction.gateway_name)
    return call_gateway(gateway.bar_refund, charge=refund.transaction_id, reference=refund.pk)


def _finish(
    *,
    refund_id: UUID,
    result: GatewayResult,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Refund],
) -> Refund:
    def work() -> Refund | ServiceError:
        transaction, refund = lock_refund(refund_id)
        refusal = None
        if result.outcome is not Outcome.UNKNOWN:
            refusal = _settle(transaction, refund, result, actor)
        if refusal is not None:
            return store_refusal(key_id, refusal, replies)
        if key_id:
            store_reply(key_id, replies.of(refund))
        return refund

    finished = run_in_transaction(work)
    if isinstance(finished, ServiceError):
        raise finished
    return finished


def _settle(
    transaction: Transaction, refund: Refund, result: GatewayResult, actor: Actor
) -> ServiceError | None:
    """Writes what the bar's explicit answer means; what is to be told instead of the refund."""
    is_barred = result.outcome is Outcome.SUCCEEDED
    if is_barred and refund.status == states.PENDING:
        call_off_refund(transaction=transaction, refund=refund, actor=actor)
    if is_barred and refund.status == states.SUCCEEDED:
        keep_contradicting_answer(
            gateway_name=transaction.gateway_name,
            call="bar_refund",
            reference=refund.pk,
            text="the refund is barred, and it is succeeded",
        )
    if refund.status == states.CANCELLED:
        return None
    if refund.status != states.PENDING:
        return RefundStateInvalid(f"A refund that is {refund.status} can't be cancelled.")
    refund.cancel_requested_at = None
    refund.save(update_fields=["cancel_requested_at"])
    if result.outcome is Outcome.UNAVAILABLE:
        return Unavailable(
            "The gateway could not be reached; the refund is as it was.",
            code=GATEWAY_UNAVAILABLE,
            retry_after=10,
        )
    return RefundStateInvalid("The gateway has taken it, and can't call it off any more.")


def _require_pending(refund: Refund) -> None:
    if refund.status != states.PENDING:
        raise RefundStateInvalid(f"A refund that is {refund.status} can't be cancelled.")
