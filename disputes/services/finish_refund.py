"""A refund's outcome: from the gateway's answer, or from its later message."""

from datetime import UTC, datetime
from uuid import UUID

from disputes import states
from disputes.locking import lock_refund
from disputes.models import Refund
from disputes.services.hold import top_up_holds
from disputes.snapshot import refund_snapshot
from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ServiceError, Unavailable
from payments_project.events.models import Event
from payments_project.events.record import record_event
from payments_project.idempotency.keys import store_reply
from payments_project.idempotency.replies import Replies, store_refusal
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.access import is_credited
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.ledger import (
    Movement,
    record_movements,
    recorded,
    refund_failure_movements,
    refund_movements,
)
from transactions.models import Transaction
from transactions.services.callbacks import GATEWAY_ACTOR
from transactions.services.contradictions import keep_contradicting_answer
from transactions.services.raise_revision import raise_revision
from transactions.services.reserve_refund import release_refund
from transactions.transition import Change, move_locked_transaction

GATEWAY_UNAVAILABLE = "gateway_unavailable"


def finish_refund(
    *,
    refund_id: UUID,
    result: GatewayResult,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Refund],
) -> Refund:
    """Commits what the gateway said of a pending refund, its reply with it.

    A refund that the gateway could not take has failed, and ``Unavailable`` is raised after its
    reply is stored, also where somebody else found that out first (the resolver). An unknown
    outcome leaves it pending. A refund that somebody else settled stays so; an answer that
    contradicts it is kept for staff.
    """

    def work() -> Refund | ServiceError:
        transaction, refund = lock_refund(refund_id)
        if result.outcome is not Outcome.UNKNOWN:
            _keep_answer(refund, result)
            _note_late_answer(transaction, refund, result)
        if refund.status == states.PENDING and result.outcome is not Outcome.UNKNOWN:
            if result.outcome is Outcome.SUCCEEDED:
                complete_refund(transaction=transaction, refund=refund, actor=actor)
            elif result.outcome is Outcome.ACCEPTED:
                refund.awaits_gateway = True
                refund.save(update_fields=["awaits_gateway"])
            elif result.outcome is Outcome.NOT_FOUND and refund.cancel_requested_at is not None:
                # It was asked about while it is being cancelled, and is barred for that reason.
                call_off_refund(transaction=transaction, refund=refund, actor=actor)
            else:
                declined = result.outcome is Outcome.DECLINED
                reason = "declined" if declined else GATEWAY_UNAVAILABLE
                fail_refund(transaction=transaction, refund=refund, reason=reason, actor=actor)
        if refund.status == states.FAILED and refund.failure_reason == GATEWAY_UNAVAILABLE:
            refusal = Unavailable(
                "The gateway could not take the refund; nothing was refunded.",
                code=GATEWAY_UNAVAILABLE,
                retry_after=10,
            )
            return store_refusal(key_id, refusal, replies)
        if key_id:
            store_reply(key_id, replies.of(refund))
        return refund

    finished = run_in_transaction(work)
    if isinstance(finished, ServiceError):
        raise finished
    return finished


def _keep_answer(refund: Refund, result: GatewayResult) -> None:
    """What the gateway answered, kept even where its later message has settled the refund first."""
    refund.gateway_refund_id = result.gateway_id or refund.gateway_refund_id
    refund.gateway_response = dict(result.response)
    refund.save(update_fields=["gateway_refund_id", "gateway_response"])


def _note_late_answer(transaction: Transaction, refund: Refund, result: GatewayResult) -> None:
    was_taken = result.outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED)
    if result.outcome is Outcome.ACCEPTED and refund.status == states.CANCELLED:
        # It was taken, and called off before it was paid.
        return
    if was_taken and not may_have_been_unpaid(refund):
        keep_contradicting_answer(
            gateway_name=transaction.gateway_name,
            call="refund",
            reference=refund.pk,
            text=f"the answer to the refund is {result.outcome.value}, and it is {refund.status}",
        )


def may_have_been_unpaid(refund: Refund) -> bool:
    """Whether that the gateway took the refund agrees with what became of it here."""
    if refund.status == states.CANCELLED:
        return False
    return refund.status not in states.REFUND_UNPAID or may_have_failed_at_bank(refund)


def may_have_failed_at_bank(refund: Refund) -> bool:
    """Whether the gateway took a failed refund before it told of the failure. Then what it said in
    between, that it was paid, may be heard later and contradicts nothing."""
    return (
        refund.awaits_gateway
        or Event.objects.filter(
            aggregateid=str(refund.pk), type="refund.failed", actor_kind=GATEWAY_ACTOR.kind
        ).exists()
    )


def complete_refund(*, transaction: Transaction, refund: Refund, actor: Actor) -> None:
    """PENDING becomes SUCCEEDED: the ledger entry, the event, and the transaction's state when all
    of it is refunded now. The caller holds both rows' locks."""
    refund.status = states.SUCCEEDED
    refund.processed_at = datetime.now(UTC)
    _save_outcome(refund)
    _book(transaction, refund, refund_movements(refund_id=refund.pk, amount=refund.amount))
    _tell(refund, "refund.succeeded", actor)
    if transaction.status == transaction_states.SUCCEEDED and is_fully_refunded(transaction):
        _move(transaction, transaction_states.REFUNDED, actor)


def fail_refund(*, transaction: Transaction, refund: Refund, reason: str, actor: Actor) -> None:
    """PENDING or SUCCEEDED becomes FAILED: its amount is refundable again, and money that had left
    the balance comes back. The caller holds both rows' locks."""
    had_succeeded = refund.status == states.SUCCEEDED
    refund.status = states.FAILED
    refund.failure_reason = reason
    refund.processed_at = datetime.now(UTC)
    _save_outcome(refund)
    release_refund(transaction=transaction, amount=refund.amount)
    top_up_holds(transaction=transaction, actor=actor)
    if had_succeeded:
        movements = refund_failure_movements(refund_id=refund.pk, amount=refund.amount)
        _book(transaction, refund, movements)
    _tell(refund, "refund.failed", actor)
    if transaction.status == transaction_states.REFUNDED and not is_fully_refunded(transaction):
        _move(transaction, transaction_states.SUCCEEDED, actor)


def call_off_refund(*, transaction: Transaction, refund: Refund, actor: Actor) -> None:
    """PENDING becomes CANCELLED, once its gateway has it barred: nothing was paid, its amount is
    refundable again, and chargebacks hold it again. The caller holds both rows' locks."""
    refund.status = states.CANCELLED
    refund.processed_at = datetime.now(UTC)
    _save_outcome(refund)
    release_refund(transaction=transaction, amount=refund.amount)
    top_up_holds(transaction=transaction, actor=actor)
    _tell(refund, "refund.cancelled", actor)


def is_fully_refunded(transaction: Transaction) -> bool:
    """Whether succeeded refunds make up all that was captured; a pending one may still fail."""
    amounts = Refund.objects.filter(
        transaction_id=transaction.pk, status=states.SUCCEEDED
    ).values_list("amount", flat=True)
    return sum(amounts) == transaction.captured_amount


def _book(transaction: Transaction, refund: Refund, movements: list[Movement]) -> None:
    """Writes a refund's movements; one of a recorded payment was made where that was taken."""
    record_movements(
        recorded(movements, is_credited=is_credited(transaction)),
        scope=Scope(refund.merchant_id, refund.environment),
        currency=refund.currency,
        transaction_id=transaction.pk,
    )


def _move(transaction: Transaction, status: str, actor: Actor) -> None:
    move_locked_transaction(transaction=transaction, change=Change(status=status), actor=actor)


def _save_outcome(refund: Refund) -> None:
    refund.updated_at = datetime.now(UTC)
    refund.save(
        update_fields=[
            "status",
            "failure_reason",
            "processed_at",
            "updated_at",
        ]
    )


def _tell(refund: Refund, kind: str, actor: Actor) -> None:
    raise_revision(refund.transaction_id)
    record_event(aggregate=refund, type=kind, data=refund_snapshot(refund), actor=actor)
