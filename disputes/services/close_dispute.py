"""Deciding a dispute: what was held is released or lost."""

from datetime import UTC, datetime
from uuid import UUID

from disputes import states
from disputes.locking import lock_dispute
from disputes.models import Dispute
from disputes.services.finish_refund import is_fully_refunded
from disputes.snapshot import dispute_snapshot
from payments_project.actor import Actor
from payments_project.errors import Conflict
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.ledger import (
    Movement,
    dispute_loss_movements,
    dispute_release_movements,
    record_movements,
)
from transactions.models import Transaction
from transactions.transition import Change, move_locked_transaction


def close_dispute(*, dispute_id: UUID, status: str, actor: Actor) -> Dispute:
    """WON, LOST or WARNING_CLOSED, in the caller's transaction. Locks transaction and dispute.

    Won: amount and fee are available again, and the transaction returns to the state that its
    amounts imply, unless another chargeback holds it. Lost: both are gone and it stays disputed.
    Raises ``Conflict`` for a dispute that is decided already, ``ResourceMissing``.
    """
    transaction, dispute = lock_dispute(dispute_id)
    if status not in states.DISPUTE_TRANSITIONS[dispute.status]:
        raise Conflict(f"A dispute that is {dispute.status} can't become {status}.")
    dispute.status = status
    dispute.resolved_at = dispute.updated_at = datetime.now(UTC)
    dispute.save(update_fields=["status", "resolved_at", "updated_at"])
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
    if movements and status != states.LOST:
        record_event(
            aggregate=dispute,
            type="dispute.funds_reinstated",
            data=dispute_snapshot(dispute),
            actor=actor,
        )
    if status != states.LOST:
        _return_transaction(transaction, actor)
    return dispute


def _movements(dispute: Dispute) -> list[Movement]:
    if dispute.status == states.LOST:
        return dispute_loss_movements(
            dispute_id=dispute.pk, amount=dispute.held_amount, fee=dispute.fee_amount
        )
    held = dispute.held_amount + dispute.fee_amount
    return dispute_release_movements(dispute_id=dispute.pk, amount=held) if held else []


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
