"""Disputes that nobody has answered by their last day."""

import logging
from datetime import UTC, date, datetime
from uuid import UUID

from disputes import states
from disputes.locking import lock_dispute
from disputes.models import Dispute
from disputes.services.close_dispute import close_dispute
from disputes.services.dispute_acts import pending_operation
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction

logger = logging.getLogger(__name__)


def close_overdue_disputes(*, today: date | None = None, batch: int = 1000) -> int:
    """Closes open disputes whose last day is over: a chargeback is lost, an unanswered inquiry is
    closed as a warning, and may still become a chargeback. Returns how many.

    What is on its way to the gateway was sent in time, and is not closed. ``today`` is a day in
    UTC, the present one by default. Safe to run twice or at once.
    """
    day = today or datetime.now(UTC).date()
    overdue = Dispute.objects.filter(status=states.OPEN, due_date__lt=day)
    closed = 0
    for dispute_id in list(overdue.order_by("due_date").values_list("pk", flat=True)[:batch]):
        try:
            closed += _close(dispute_id, day)
        except Exception:
            logger.exception("could not close the overdue dispute %s", dispute_id)
    return closed


def _close(dispute_id: UUID, today: date) -> bool:
    def work() -> bool:
        _, dispute = lock_dispute(dispute_id)
        is_over = dispute.due_date is not None and dispute.due_date < today
        if dispute.status != states.OPEN or not is_over or pending_operation(dispute) is not None:
            return False
        is_inquiry = dispute.dispute_type == Dispute.INQUIRY
        status = states.WARNING_CLOSED if is_inquiry else states.LOST
        close_dispute(dispute_id=dispute.pk, status=status, actor=SYSTEM)
        return True

    return run_in_transaction(work)
