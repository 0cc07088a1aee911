"""Changing when a merchant's money is paid out."""

from datetime import UTC, datetime

from payments_project.tenancy import Scope
from transactions.locking import lock_balance
from transactions.payout_models import PayoutSchedule


def set_payout_schedule(
    *, scope: Scope, currency: str, interval: str, weekday: int | None, minimum_amount: int
) -> tuple[PayoutSchedule, PayoutSchedule | None]:
    """Sets the currency's schedule, in the caller's transaction; returns it and what it was.

    ``weekday`` (Monday is 0) belongs to a weekly one alone, ``minimum_amount`` (minor units, above
    zero) is the least that is paid out. Locks the balance row, so that two changes follow each
    other.
    """
    lock_balance(scope=scope, currency=currency)
    before = PayoutSchedule.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment, currency=currency
    ).first()
    schedule = PayoutSchedule.objects.get(pk=before.pk) if before else PayoutSchedule()
    schedule.merchant_id = scope.merchant_id
    schedule.environment = scope.environment
    schedule.currency = currency
    schedule.interval = interval
    schedule.weekday = weekday
    schedule.minimum_amount = minimum_amount
    schedule.last_problem = ""
    schedule.updated_at = datetime.now(UTC)
    schedule.save()
    return schedule, before
