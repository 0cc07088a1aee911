"""Celery tasks of merchants; each calls one service."""

from uuid import UUID

from celery import shared_task

from merchants.services.deliver_webhooks import deliver_webhooks
from merchants.services.send_notices import send_notices
from merchants.services.sweep_webhooks import sweep_webhooks
from merchants.webhooks import dispatch


@shared_task(name="merchants.send_notices", expires=60)
def send_notices_task() -> dict[str, int]:
    return send_notices()


@shared_task(name=dispatch.TASK)
def deliver_webhooks_task(endpoint_id: str) -> int:
    return deliver_webhooks(UUID(endpoint_id))


@shared_task(name="merchants.sweep_webhooks", expires=30)
def sweep_webhooks_task() -> dict[str, int]:
    return sweep_webhooks()
