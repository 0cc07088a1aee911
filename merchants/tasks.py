"""Celery tasks of merchants; each calls one service."""

from celery import shared_task

from merchants.services.send_notices import send_notices


@shared_task(name="merchants.send_notices", expires=60)
def send_notices_task() -> dict[str, int]:
    return send_notices()
