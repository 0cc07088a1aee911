"""What chargebacks hold of a payment: never more than what was captured and not refunded."""

from datetime import UTC, datetime

from django.db.models import QuerySet, Sum

from disputes import states
from disputes.locking import lock_disputes
from disputes.models import Dispute
from disputes.snapshot import dispute_snapshot
from merchants.terms import get_terms
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.access import is_credited
from transactions.ledger import (
    Movement,
    dispute_hold_movements,
    dispute_loss_movements,
    record_movements,
)
from transactions.models import Transaction
from transactions.transition import Change, move_locked_transaction

# A chargeback that was won holds nothing any more; a lost one keeps what it took.
_HOLDING = (*states.DISPUTE_UNRESOLVED, states.LOST)


def holdable_amount(transaction: Transaction) -> int:
    """What a chargeback can still take of a payment, in minor units: what was captured, less its
    refunds and what other chargebacks hold or have taken. The caller holds the row's lock.

    Nothing of a recorded payment whose money never came to us: whoever took it takes it back from
    the merchant.
    """
    if not is_credited(transaction):
        return 0
    held = _chargebacks(transaction).aggregate(total=Sum("held_amount"))["total"] or 0
    return transaction.left_to_refund - int(held)


def assess_hold(*, transaction: Transaction, dispute: Dispute) -> None:
    """Sets what a chargeback takes, its held amount and its fee, on the object in memory. The
    caller holds the payment's lock, and no row says yet that the dispute is a chargeback."""
    dispute.held_amount = min(dispute.amount, holdable_amount(transaction))
    terms = get_terms(transaction.merchant_id)
    dispute.fee_amount = terms.dispute_fee(transaction.currency)
    dispute.fee_is_returned = terms.fees.dispute_fee_returned


def enter_hold(*, transaction: Transaction, dispute: Dispute, actor: Actor) -> None:
    """What a chargeback's row says it takes, in the ledger and told; the payment is disputed now.

    In the caller's transaction, which holds the payment's lock and has written the row.
    """
    held = dispute.held_amount + dispute.fee_amount
    if held:
        _withdraw(dispute, dispute_hold_movements(dispute_id=dispute.pk, amount=held), actor)
    if transaction.status in (transaction_states.SUCCEEDED, transaction_states.REFUNDED):
        move_locked_transaction(
            transaction=transaction,
            change=Change(status=transaction_states.DISPUTED),
            actor=actor,
        )


def top_up_holds(*, transaction: Transaction, actor: Actor) -> None:
    """Holds what a failed refund has left with the merchant, up to each chargeback's amount.

    While the refund stood its amount was not held, so that nothing is paid twice. A chargeback that
    is lost by now takes it at once. In the caller's transaction, which holds the payment's lock.
    """
    room = holdable_amount(transaction)
    for dispute in lock_disputes(_chargebacks(transaction)):
        amount = min(dispute.amount - dispute.held_amount, room)
        if amount > 0:
            room -= amount
            _hold_more(dispute, amount, actor)


def _hold_more(dispute: Dispute, amount: int, actor: Actor) -> None:
    dispute.held_amount += amount
    dispute.updated_at = datetime.now(UTC)
    dispute.save(update_fields=["held_amount", "updated_at"])
    movements = dispute_hold_movements(dispute_id=dispute.pk, amount=amount)
    if dispute.status == states.LOST:
        movements += dispute_loss_movements(dispute_id=dispute.pk, amount=amount, fee=0)
    _withdraw(dispute, movements, actor)


def _withdraw(dispute: Dispute, movements: list[Movement], actor: Actor) -> None:
    """Writes the movements of a dispute's money into the ledger, and tells of them."""
    record_movements(
        movements,
        scope=Scope(dispute.merchant_id, dispute.environment),
        currency=dispute.currency,
        transaction_id=dispute.transaction_id,
    )
    record_event(
        aggregate=dispute,
        type="dispute.funds_withdrawn",
        data=dispute_snapshot(dispute),
        actor=actor,
    )


def _chargebacks(transaction: Transaction) -> QuerySet[Dispute]:
    return Dispute.objects.filter(
        transaction_id=transaction.pk, dispute_type=Dispute.CHARGEBACK, status__in=_HOLDING
    )
