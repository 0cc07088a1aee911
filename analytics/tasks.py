"""Celery tasks of analytics; each calls one service."""

from celery import shared_task

from analytics.services.refresh_monthly_stats import TIMEOUT_SECONDS, refresh_monthly_stats
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours, roll_up_newest_hours


# PostgreSQL ends it first, and says why.
@shared_task(name="analytics.refresh_monthly_stats", expires=3600, time_limit=TIMEOUT_SECONDS + 60)
def refresh_monthly_stats_task() -> None:
    refresh_monthly_stats()


@shared_task(name="analytics.roll_up_newest_hours", expires=60)
def roll_up_newest_hours_task() -> bool:
    return roll_up_newest_hours()


@shared_task(name="analytics.roll_up_all_hours", expires=600)
def roll_up_all_hours_task() -> bool:
    """Late captures, refunds and disputes reach hours that are long over."""
    return roll_up_hours(hours=24 * DAYS_KEPT)
