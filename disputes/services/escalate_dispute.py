"""An inquiry that has become a chargeback: from now on it takes money."""

from datetime import UTC, date, datetime
from uuid import UUID

from disputes import states
from disputes.locking import lock_dispute
from disputes.models import Dispute
from disputes.notices import notify_of_dispute
from disputes.services.hold import assess_hold, enter_hold
from disputes.services.open_dispute import day_to_respond
from disputes.snapshot import dispute_snapshot
from payments_project.actor import Actor
from payments_project.errors import Conflict
from payments_project.events.record import record_event
from transactions.services.raise_revision import raise_revision


def escalate_dispute(
    *,
    dispute_id: UUID,
    amount: int,
    reason_code: str | None,
    actor: Actor,
    due_date: date | None = None,
) -> Dispute:
    """Makes an inquiry a chargeback over ``amount`` (minor units), in the caller's transaction,
    whether it was open, answered, or closed without one. Locks transaction and dispute.

    From here on it is as if it had been opened as one: amount and fee are held, the transaction is
    disputed, and the merchant has the whole time to answer again; what was staged or sent before
    stands in the evidence still. Raises ``Conflict`` for one that is won or lost or is a chargeback
    already, ``ResourceMissing``.
    """
    transaction, dispute = lock_dispute(dispute_id)
    if (
        dispute.dispute_type != Dispute.INQUIRY
        or dispute.status not in states.DISPUTE_ESCALATED_FROM
    ):
        raise Conflict(f"A {dispute.dispute_type} that is {dispute.status} can't be escalated.")
    previous = {"dispute_type": dispute.dispute_type, "amount": dispute.amount}
    if dispute.status != states.OPEN:
        previous["status"] = dispute.status
    dispute.status = states.OPEN
    dispute.evidence_submitted_at = dispute.resolved_at = dispute.reminded_days = None
    dispute.dispute_type = Dispute.CHARGEBACK
    dispute.amount = amount
    dispute.reason_code = reason_code or dispute.reason_code
    dispute.due_date = due_date or day_to_respond()
    dispute.updated_at = datetime.now(UTC)
    assess_hold(transaction=transaction, dispute=dispute)
    dispute.save(
        update_fields=[
            "dispute_type",
            "status",
            "evidence_submitted_at",
            "resolved_at",
            "reminded_days",
            "amount",
            "reason_code",
            "due_date",
            "updated_at",
            "held_amount",
            "fee_amount",
            "fee_is_returned",
        ]
    )
    raise_revision(transaction.pk)
    record_event(
        aggregate=dispute,
        type="dispute.updated",
        data=dispute_snapshot(dispute),
        previous=previous,
        actor=actor,
    )
    enter_hold(transaction=transaction, dispute=dispute, actor=actor)
    notify_of_dispute(dispute, "dispute_opened", occasion="escalated")
    return dispute
