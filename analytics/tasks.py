"""Celery tasks of analytics; each calls one service."""

from datetime import UTC, datetime, timedelta

from celery import shared_task

from analytics.services.check_search import check_search
from analytics.services.keep_search_index import keep_search_index
from analytics.services.refresh_monthly_stats import TIMEOUT_SECONDS, refresh_monthly_stats
from analytics.services.roll_up_due_days import BATCH_SECONDS_MAX, RUN_SECONDS_MAX, roll_up_due_days
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours, roll_up_newest_hours
from analytics.services.roll_up_whole_days import DAY_SECONDS_MAX, roll_up_whole_days
from payments_project.events.errors import Postponed
from payments_project.jobs.outcomes import AnotherRun, JobFailed

# Whole days are computed anew so far back.
DAYS_REPEATED = 7
# Search is held against the payments so far back; ``./manage.py check_search`` looks further.
DAYS_CHECKED = 7
ELASTICSEARCH_AWAY = "Elasticsearch is away"


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


@shared_task(name="analytics.keep_search_index", expires=60)
def keep_search_index_task() -> str:
    try:
        done = keep_search_index()
    except Postponed:
        raise JobFailed(ELASTICSEARCH_AWAY) from None
    if done is None:
        raise AnotherRun
    return done


@shared_task(name="analytics.check_search", expires=3600)
def check_search_task() -> dict[str, int]:
    """The last days but the one that goes on; what differs is mended."""
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=DAYS_CHECKED), today - timedelta(days=1)
    try:
        found = list(check_search(first=first, last=last))
    except Postponed:
        raise JobFailed(ELASTICSEARCH_AWAY) from None
    return {
        "words": sum(drift.words for drift in found),
        "documents": sum(drift.documents for drift in found),
        "strangers": sum(drift.strangers for drift in found),
    }
