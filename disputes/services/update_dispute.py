"""What a gateway has changed about a dispute that goes on."""

from datetime import UTC, date, datetime

from disputes import states
from disputes.models import Dispute
from disputes.snapshot import dispute_snapshot
from payments_project.actor import Actor
from payments_project.events.record import record_event
from transactions.services.raise_revision import raise_revision


def update_dispute(
    *,
    dispute: Dispute,
    due_date: date | None,
    reason_code: str | None,
    is_under_review: bool,
    actor: Actor,
) -> None:
    """Takes over another last day, another reason, and that the evidence is under review (it may
    have been sent by another way), in the caller's transaction, which holds the payment's and the
    dispute's locks.

    None leaves a value as it is. Reminders begin anew with another day. Without a difference
    nothing is written.
    """
    wanted = {
        "due_date": due_date or dispute.due_date,
        "reason_code": reason_code or dispute.reason_code,
        "status": states.UNDER_REVIEW
        if is_under_review and dispute.status == states.OPEN
        else dispute.status,
    }
    before = {name: getattr(dispute, name) for name in wanted}
    changed = {name for name in wanted if wanted[name] != before[name]}
    if not changed:
        return
    for name in changed:
        setattr(dispute, name, wanted[name])
    if "due_date" in changed:
        dispute.reminded_days = None
    dispute.updated_at = datetime.now(UTC)
    dispute.save(update_fields=[*sorted(changed), "reminded_days", "updated_at"])
    raise_revision(dispute.transaction_id)
    record_event(
        aggregate=dispute,
        type="dispute.updated",
        data=dispute_snapshot(dispute),
        previous={
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in before.items()
            if name in changed
        },
        actor=actor,
    )
