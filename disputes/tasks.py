"""Celery tasks of refunds and disputes; each calls one service."""

from celery import shared_task

from disputes.services.resolve_refunds import resolve_refunds


@shared_task(name="disputes.resolve_refunds", expires=30)
def resolve_refunds_task() -> dict[str, int]:
    return resolve_refunds()
