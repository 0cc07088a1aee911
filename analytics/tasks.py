"""Celery tasks of analytics; each calls one service."""

from datetime import UTC, datetime, timedelta

from celery import shared_task

from analytics.services.refresh_monthly_stats import TIMEOUT_SECONDS, refresh_monthly_stats
from analytics.services.roll_up_due_days import BATCH_SECONDS_MAX, RUN_SECONDS_MAX, roll_up_due_days
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours, roll_up_newest_hours
from analytics.services.roll_up_whole_days import DAY_SECONDS_MAX, roll_up_whole_days
from payments_project.jobs.outcomes import AnotherRun

# Whole days are computed anew so far back.
DAYS_REPEATED = 7


# PostgreSQL ends it first, and says why.
@shared_task(name="analytics.refresh_monthly_stats", expires=3600, time_limit=TIMEOUT_SECONDS + 60)
def refresh_monthly_stats_task() -> None:
    if not refresh_monthly_stats():
        raise AnotherRun


@shared_task(name="analytics.roll_up_newest_hours", expires=60)
def roll_up_newest_hours_task() -> None:
    if not roll_up_newest_hours():
        raise AnotherRun


@shared_task(name="analytics.roll_up_all_hours", expires=600)
def roll_up_all_hours_task() -> None:
    """Late captures, refunds and disputes reach hours that are long over."""
    if not roll_up_hours(hours=24 * DAYS_KEPT):
        raise AnotherRun


# Its last batch waits for others that write summaries, takes marks, and counts.
@shared_task(
    name="analytics.roll_up_due_days",
    expires=30,
    time_limit=RUN_SECONDS_MAX + 3 * BATCH_SECONDS_MAX + 30,
)
def roll_up_due_days_task() -> int:
    computed = roll_up_due_days()
    if computed is None:
        raise AnotherRun
    return computed


@shared_task(name="analytics.roll_up_last_days", expires=3600, time_limit=DAY_SECONDS_MAX + 60)
def roll_up_last_days_task() -> int:
    """A safety net under the marks of changed days: yesterday and the days before it."""
    today = datetime.now(UTC).date()
    days = roll_up_whole_days(
        first=today - timedelta(days=DAYS_REPEATED), last=today - timedelta(days=1)
    )
    return sum(day.summaries for day in days)
