"""Opening a dispute: its amount and fee are held from the merchant until it is decided."""

from datetime import UTC, datetime, timedelta

from disputes.models import Dispute
from disputes.services.hold import holdable_amount
from disputes.snapshot import dispute_snapshot
from merchants.terms import get_terms
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.ledger import dispute_hold_movements, record_movements
from transactions.models import Transaction
from transactions.transition import Change, move_locked_transaction

# Card networks give a merchant between one and three weeks, by network and reason; this is what a
# gateway that names no day gets.
DAYS_TO_RESPOND = 14


def open_dispute(
    *,
    transaction: Transaction,
    dispute_type: str,
    reason_code: str | None,
    amount: int,
    gateway_dispute_id: str | None,
    actor: Actor,
) -> Dispute:
    """Opens a dispute over ``amount`` (minor units) in the caller's transaction.

    A chargeback holds what is neither refunded of it nor held by another (``hold.py``), and the fee,
    in the reserved balance, and makes the transaction disputed; an inquiry holds nothing. A gateway's dispute is opened once: the
    second time the first is returned. The caller holds the transaction's lock.
    """
    if gateway_dispute_id:
        known = Dispute.objects.filter(gateway_dispute_id=gateway_dispute_id).first()
        if known is not None:
            return known
    scope = Scope(transaction.merchant_id, transaction.environment)
    holds = dispute_type == Dispute.CHARGEBACK
    dispute = Dispute(
        transaction=transaction,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        dispute_type=dispute_type,
        reason_code=reason_code,
        amount=amount,
        currency=transaction.currency,
        held_amount=min(amount, holdable_amount(transaction)) if holds else 0,
        fee_amount=get_terms(transaction.merchant_id).dispute_fee(transaction.currency)
        if holds
        else 0,
        due_date=datetime.now(UTC).date() + timedelta(days=DAYS_TO_RESPOND),
        gateway_dispute_id=gateway_dispute_id,
    )
    dispute.save(force_insert=True)
    record_event(
        aggregate=dispute, type="dispute.created", data=dispute_snapshot(dispute), actor=actor
    )
    held = dispute.held_amount + dispute.fee_amount
    if held:
        record_movements(
            dispute_hold_movements(dispute_id=dispute.pk, amount=held),
            scope=scope,
            currency=dispute.currency,
            transaction_id=transaction.pk,
        )
        record_event(
            aggregate=dispute,
            type="dispute.funds_withdrawn",
            data=dispute_snapshot(dispute),
            actor=actor,
        )
    if holds and transaction.status in (
        transaction_states.SUCCEEDED,
        transaction_states.REFUNDED,
    ):
        move_locked_transaction(
            transaction=transaction,
            change=Change(status=transaction_states.DISPUTED),
            actor=actor,
        )
    return dispute
