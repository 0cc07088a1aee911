"""Asking workers to deliver, by Celery."""

import logging
from collections.abc import Iterable
from uuid import UUID

import kombu.exceptions
import redis
from celery import current_app

logger = logging.getLogger(__name__)

TASK = "merchants.deliver_webhooks"
QUEUE = "webhooks"
# What lay in the queue for longer has been asked for again by the sweep.
EXPIRES_SECONDS = 60


def ask_for_delivery(endpoint_ids: Iterable[UUID]) -> None:
    """Has a worker deliver soon what is due at these endpoints; to be called after the commit.

    Never fails: without a broker, ``sweep_webhooks`` asks later.
    """
    try:
        for endpoint_id in endpoint_ids:
            current_app.send_task(
                TASK, args=[str(endpoint_id)], queue=QUEUE, expires=EXPIRES_SECONDS, retry=False
            )
    except (kombu.exceptions.OperationalError, redis.exceptions.RedisError, OSError) as error:
        logger.warning("workers could not be asked to deliver: %s", type(error).__name__)
