"""A person's look at a payment: asked for, and then cleared or rejected."""

from datetime import UTC, datetime
from uuid import UUID

from payments_project.actor import Actor
from payments_project.events.record import record_event
from transactions import states
from transactions.errors import TransactionStateInvalid
from transactions.locking import lock_review, lock_transaction
from transactions.models import PaymentReview, Transaction
from transactions.snapshot import transaction_snapshot


def open_review(*, transaction_id: UUID, reason: str, actor: Actor) -> PaymentReview:
    """Puts a payment into the review queue, in the caller's transaction. Locks its row.

    Moves no money and stops none. Raises ``TransactionStateInvalid`` if it is there already,
    ``ResourceMissing``.
    """
    transaction = lock_transaction(transaction_id=transaction_id)
    if PaymentReview.objects.filter(transaction=transaction, status=states.OPEN).exists():
        raise TransactionStateInvalid("It is under review already.")
    review = PaymentReview(
        transaction=transaction,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        reason=reason,
        opened_by=actor.id,
        opened_by_kind=actor.kind,
    )
    review.save(force_insert=True)
    _set_compliance(transaction, states.OPEN, actor)
    return review


def decide_review(*, review_id: UUID, status: str, reason: str, actor: Actor) -> PaymentReview:
    """CLEARED or REJECTED, in the caller's transaction. Locks the payment's row and the review's.

    Raises ``TransactionStateInvalid`` for one that is decided, ``ResourceMissing``.
    """
    transaction, review = lock_review(review_id)
    if status not in states.REVIEW_TRANSITIONS[review.status]:
        raise TransactionStateInvalid(f"The review is {review.status} already.")
    review.status = status
    review.decided_by = actor.id
    review.decided_at = datetime.now(UTC)
    review.decision_reason = reason
    review.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    _set_compliance(transaction, status, actor)
    return review


def _set_compliance(transaction: Transaction, review_status: str, actor: Actor) -> None:
    before = transaction.compliance_status
    transaction.compliance_status = states.COMPLIANCE[review_status]
    transaction.updated_at = datetime.now(UTC)
    transaction.revision += 1
    transaction.save(update_fields=["compliance_status", "updated_at", "revision"])
    record_event(
        aggregate=transaction,
        type="transaction.updated",
        data=transaction_snapshot(transaction),
        previous={"compliance_status": before},
        actor=actor,
    )
