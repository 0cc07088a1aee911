"""Celery tasks of analytics; each calls one service."""

from celery import shared_task

from analytics.services.refresh_monthly_stats import TIMEOUT_SECONDS, refresh_monthly_stats


# PostgreSQL ends it first, and says why.
@shared_task(name="analytics.refresh_monthly_stats", expires=3600, time_limit=TIMEOUT_SECONDS + 60)
def refresh_monthly_stats_task() -> None:
    refresh_monthly_stats()
