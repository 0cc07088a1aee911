"""Opening a dispute: its amount and fee are held from the merchant until it is decided."""

from datetime import UTC, date, datetime, timedelta

from disputes.models import Dispute
from disputes.notices import notify_of_dispute
from disputes.services.hold import assess_hold, enter_hold
from disputes.snapshot import dispute_snapshot
from payments_project.actor import Actor
from payments_project.events.record import record_event
from transactions.models import Transaction
from transactions.services.raise_revision import raise_revision

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
    due_date: date | None = None,
    is_at_gateway: bool = False,
) -> Dispute:
    """Opens a dispute over ``amount`` (minor units) in the caller's transaction.

    A chargeback holds what is neither refunded of it nor held by another (``hold.py``), and the
    fee, in the reserved balance, and makes the transaction disputed; an inquiry holds nothing. A
    gateway's dispute is opened once: a second row of its id is refused by the database. The
    merchant has until the end of ``due_date`` (UTC) to answer, and is told by e-mail.
    ``is_at_gateway``: the payment's gateway told of it, takes the evidence and will tell the end.
    The caller holds the transaction's lock.
    """
    dispute = Dispute(
        transaction=transaction,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        dispute_type=dispute_type,
        reason_code=reason_code,
        amount=amount,
        currency=transaction.currency,
        due_date=due_date or day_to_respond(),
        gateway_dispute_id=gateway_dispute_id,
        is_at_gateway=is_at_gateway,
    )
    holds = dispute_type == Dispute.CHARGEBACK
    if holds:
        assess_hold(transaction=transaction, dispute=dispute)
    dispute.save(force_insert=True)
    raise_revision(transaction.pk)
    record_event(
        aggregate=dispute, type="dispute.created", data=dispute_snapshot(dispute), actor=actor
    )
    if holds:
        enter_hold(transaction=transaction, dispute=dispute, actor=actor)
    notify_of_dispute(dispute, "dispute_opened", occasion="opened")
    return dispute


def day_to_respond() -> date:
    """The UTC day by which the merchant has to answer a dispute that is told today."""
    return datetime.now(UTC).date() + timedelta(days=DAYS_TO_RESPOND)
