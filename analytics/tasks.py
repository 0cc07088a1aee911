"""Celery tasks of analytics; each calls one service."""

from datetime import UTC, datetime, timedelta

from celery import shared_task

from analytics.services.check_search import check_search
from analytics.services.keep_search_index import keep_search_index
from analytics.services.refresh_monthly_stats import TIMEOUT_SECONDS, refresh_monthly_stats
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours, roll_up_newest_hours

# Every night; ``./manage.py check_search`` looks further back.
DAYS_CHECKED = 7


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


@shared_task(name="analytics.keep_search_index", expires=60)
def keep_search_index_task() -> str:
    return keep_search_index()


@shared_task(name="analytics.check_search", expires=3600)
def check_search_task() -> dict[str, int]:
    """The last days but the one that goes on; what differs is mended."""
    today = datetime.now(UTC).date()
    found = list(
        check_search(first=today - timedelta(days=DAYS_CHECKED), last=today - timedelta(days=1))
    )
    return {
        "words": sum(drift.words for drift in found),
        "documents": sum(drift.documents for drift in found),
        "strangers": sum(drift.strangers for drift in found),
    }
