"""Celery tasks of refunds and disputes; each calls one service."""

from celery import shared_task

from disputes.services.resolve_refunds import resolve_refunds
from disputes.services.settle_overdue_refunds import settle_overdue_refunds


@shared_task(name="disputes.resolve_refunds", expires=30)
def resolve_refunds_task() -> dict[str, int]:
    return resolve_refunds()


@shared_task(name="disputes.settle_overdue_refunds", expires=600)
def settle_overdue_refunds_task() -> dict[str, int]:
    return settle_overdue_refunds()
