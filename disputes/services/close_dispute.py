"""Deciding a dispute: what was held is released or lost."""

from datetime import UTC, datetime
from uuid import UUID

from disputes import states
from disputes.errors import DisputeStateInvalid
from disputes.locking import lock_dispute
from disputes.models import Dispute
from disputes.notices import notify_of_dispute
from disputes.services.finish_refund import is_fully_refunded
from disputes.snapshot import dispute_snapshot
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.ledger import (
    Movement,
    dispute_loss_movements,
    dispute_release_movements,
    record_movements,
)
from transactions.ledger_accounts import DISPUTE_RELEASE
from transactions.models import Transaction
from transactions.services.raise_revision import raise_revision
from transactions.transition import Change, move_locked_transaction


def close_dispute(*, dispute_id: UUID, status: str, actor: Actor) -> Dispute:
    """WON, LOST or WARNING_CLOSED, in the caller's transaction. Locks transaction and dispute.

    Won: the amount is available again, and so is the fee where the terms give it back; the
    transaction returns to the state that its amounts imply, unless another chargeback holds it.
    Lost: both are gone and it stays disputed. WARNING_CLOSED is the end of an inquiry without a
    chargeback; nothing was held. The merchant is told by e-mail.
    Raises ``DisputeStateInvalid`` for a dispute that is decided already and for a chargeback that
    is to be closed as a warning; ``ResourceMissing``.
    """
    transaction, dispute = lock_dispute(dispute_id)
    if status not in states.DISPUTE_OUTCOMES or dispute.status in states.DISPUTE_OUTCOMES:
        raise DisputeStateInvalid(f"A dispute that is {dispute.status} can't become {status}.")
    if status == states.WARNING_CLOSED and dispute.dispute_type == Dispute.CHARGEBACK:
        raise DisputeStateInvalid("A chargeback is won or lost; only an inquiry ends as a warning.")
    dispute.status = status
    dispute.resolved_at = dispute.updated_at = datetime.now(UTC)
    dispute.save(update_fields=["status", "resolved_at", "updated_at"])
    raise_revision(transaction.pk)
    record_event(
        aggregate=dispute, type="dispute.closed", data=dispute_snapshot(dispute), actor=actor
    )
    movements = _movements(dispute)
    if movements:
        record_movements(
            movements,
            scope=Scope(dispute.merchant_id, dispute.environment),
            currency=dispute.currency,
            transaction_id=transaction.pk,
        )
    if any(movement.type == DISPUTE_RELEASE for movement in movements):
        record_event(
            aggregate=dispute,
            type="dispute.funds_reinstated",
            data=dispute_snapshot(dispute),
            actor=actor,
        )
    if status != states.LOST:
        _return_transaction(transaction, actor)
    # A closed inquiry may come again as a chargeback, which then has an end of its own.
    notify_of_dispute(dispute, "dispute_closed", occasion=f"{dispute.dispute_type}_{status}")
    return dispute


def _movements(dispute: Dispute) -> list[Movement]:
    if dispute.status == states.LOST:
        return dispute_loss_movements(
            dispute_id=dispute.pk, amount=dispute.held_amount, fee=dispute.fee_amount
        )
    kept_fee = 0 if dispute.fee_is_returned else dispute.fee_amount
    released = dispute.held_amount + dispute.fee_amount - kept_fee
    return [
        *dispute_release_movements(dispute_id=dispute.pk, amount=released),
        *dispute_loss_movements(dispute_id=dispute.pk, amount=0, fee=kept_fee),
    ]


def _return_transaction(transaction: Transaction, actor: Actor) -> None:
    if transaction.status != transaction_states.DISPUTED:
        return
    if Dispute.objects.filter(
        transaction_id=transaction.pk,
        dispute_type=Dispute.CHARGEBACK,
        status__in=(*states.DISPUTE_UNRESOLVED, states.LOST),
    ).exists():
        return
    change = Change(
        status=transaction_states.REFUNDED
        if is_fully_refunded(transaction)
        else transaction_states.SUCCEEDED
    )
    move_locked_transaction(transaction=transaction, change=change, actor=actor)
