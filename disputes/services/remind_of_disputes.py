"""Reminding merchants of disputes that wait for an answer."""

import logging
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from disputes import states
from disputes.locking import lock_dispute
from disputes.models import Dispute
from disputes.notices import notify_of_dispute
from disputes.services.dispute_acts import pending_operation
from disputes.snapshot import dispute_snapshot
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.record import record_event

logger = logging.getLogger(__name__)

# So many days before the last one a merchant is reminded.
REMINDER_DAYS = (7, 3, 1)


def remind_of_disputes(*, today: date | None = None, batch: int = 1000) -> int:
    """Tells of open disputes whose last day is 7, 3 or 1 days off: the event ``dispute.due_soon``
    and an e-mail, in one transaction. Returns how many were told of.

    Each reminder is given once, whatever run is missed, late or run twice: the dispute's row says
    which was the last, and of several that are due at once the nearest is given. ``today`` is a day
    in UTC, the present one by default.
    """
    day = today or datetime.now(UTC).date()
    due = Dispute.objects.filter(
        status=states.OPEN,
        due_date__gte=day,
        due_date__lte=day + timedelta(days=max(REMINDER_DAYS)),
    )
    reminded = 0
    for dispute_id in list(due.order_by("due_date").values_list("pk", flat=True)[:batch]):
        try:
            reminded += _remind(dispute_id, day)
        except Exception:
            logger.exception("could not remind of dispute %s", dispute_id)
    return reminded


def _remind(dispute_id: UUID, today: date) -> bool:
    def work() -> bool:
        _, dispute = lock_dispute(dispute_id)
        if dispute.status != states.OPEN or dispute.due_date is None:
            return False
        days_left = (dispute.due_date - today).days
        reached = [days for days in REMINDER_DAYS if days >= days_left]
        if days_left < 0 or not reached or pending_operation(dispute) is not None:
            return False
        step = min(reached)
        if dispute.reminded_days is not None and dispute.reminded_days <= step:
            return False
        dispute.reminded_days = step
        dispute.save(update_fields=["reminded_days"])
        record_event(
            aggregate=dispute,
            type="dispute.due_soon",
            data=dispute_snapshot(dispute) | {"days_left": days_left},
            actor=SYSTEM,
        )
        notify_of_dispute(
            dispute,
            "dispute_due_soon",
            # A day that was put off, or an inquiry that has become a chargeback, is told of anew.
            occasion=f"{dispute.dispute_type}_{dispute.due_date}_{step}",
            days_left=days_left,
        )
        return True

    return run_in_transaction(work)
