"""Celery tasks of analytics; each calls one service."""

from celery import shared_task

from analytics.services.refresh_monthly_stats import refresh_monthly_stats


@shared_task(name="analytics.refresh_monthly_stats", expires=3600)
def refresh_monthly_stats_task() -> None:
    refresh_monthly_stats()
