"""Payouts by the clock: all that is available, once a day or a week."""

import logging
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import IntegrityError

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ServiceError
from payments_project.tenancy import Scope
from transactions.locking import lock_balance, lock_payout_schedule
from transactions.payout_models import DAILY, WEEKLY, Payout, PayoutSchedule
from transactions.services.create_payout import Cause, available_now, create_payout
from transactions.services.settle import settle_merchant

logger = logging.getLogger(__name__)

_PROBLEM_LENGTH_MAX = 200
DESCRIPTION = "Scheduled payout"


def run_payout_schedules(*, today: date | None = None) -> int:
    """Makes the payouts that schedules ask for today (UTC); returns how many it made.

    One for a schedule and day at most, whatever runs twice or at once: the schedule's row is locked
    and the database holds the day once. A day on which nothing was there may be tried again by a
    later run. What can't be paid is noted on the schedule; one merchant's failure stops nobody.
    """
    day = today or datetime.now(UTC).date()
    due = PayoutSchedule.objects.filter(interval=DAILY) | PayoutSchedule.objects.filter(
        interval=WEEKLY, weekday=day.weekday()
    )
    made = 0
    for schedule_id in list(due.order_by("pk").values_list("pk", flat=True)):
        try:
            made += run_payout_schedule(schedule_id=schedule_id, today=day)
        except Exception:
            logger.exception("could not pay out by schedule %s", schedule_id)
    return made


def run_payout_schedule(*, schedule_id: UUID, today: date) -> bool:
    """Makes the day's payout of one schedule; False where there is one, or nothing to pay."""
    found = PayoutSchedule.objects.get(pk=schedule_id)
    scope = Scope(found.merchant_id, found.environment)
    # What becomes available today is paid today.
    settle_merchant(scope=scope, currency=found.currency, today=today)

    try:
        return run_in_transaction(lambda: _pay(schedule_id, scope, today))
    except IntegrityError:
        if _paid(scope, found.currency, today):
            return False
        raise
    except ServiceError as refusal:
        _note(schedule_id, refusal.message)
        return False


def _pay(schedule_id: UUID, scope: Scope, today: date) -> bool:
    schedule = lock_payout_schedule(schedule_id)
    is_due = schedule.interval == DAILY or (
        schedule.interval == WEEKLY and schedule.weekday == today.weekday()
    )
    if not is_due or _paid(scope, schedule.currency, today):
        return False
    lock_balance(scope=scope, currency=schedule.currency)
    available = available_now(scope, schedule.currency)
    if available >= schedule.minimum_amount:
        create_payout(
            scope=scope,
            amount=available,
            currency=schedule.currency,
            description=DESCRIPTION,
            actor=SYSTEM,
            cause=Cause(schedule_day=today),
        )
    schedule.last_problem = ""
    schedule.last_run_at = datetime.now(UTC)
    schedule.save(update_fields=["last_problem", "last_run_at"])
    return available >= schedule.minimum_amount


def _paid(scope: Scope, currency: str, today: date) -> bool:
    return Payout.objects.filter(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        currency=currency,
        schedule_day=today,
    ).exists()


def _note(schedule_id: UUID, problem: str) -> None:
    PayoutSchedule.objects.filter(pk=schedule_id).update(
        last_problem=problem[:_PROBLEM_LENGTH_MAX], last_run_at=datetime.now(UTC)
    )
