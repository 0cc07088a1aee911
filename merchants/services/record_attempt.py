"""Writing down what came of an attempt, and what it means for the delivery and its endpoint."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from merchants import states
from merchants.locking import lock_webhook_endpoint
from merchants.services.disable_webhook_endpoint import disable_webhook_endpoint
from merchants.services.notify import notify_merchant
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from merchants.webhooks.retries import RETRY_SECONDS
from merchants.webhooks.sender import Outcome
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction

GONE = 410
# Answers that say "later", where Retry-After counts for the endpoint.
LATER = (429, 503)
# An endpoint that answers may fail so often in a row before others wait for it; one that can't be
# reached makes them wait at once, since each try of it takes a worker's time.
ANSWERED_FAILURES_MAX = 3
PAUSE_SECONDS = 5
PAUSE_SECONDS_MAX = 900
RETRY_AFTER_PAUSE_MAX = 3_600
# Each retry comes up to so much of its pause earlier or later.
JITTER = 0.2
FAILING_NOTICE_AFTER = timedelta(days=1)

_RECORD = """
WITH delivery AS (
    UPDATE webhook_deliveries
       SET status = %(status)s, attempt = attempt + 1, tries = tries + 1, leased_until = NULL,
           next_attempt_at = %(next_attempt_at)s, response_status = %(response_status)s,
           error = %(error)s, response_excerpt = %(excerpt)s, duration_ms = %(duration_ms)s,
           finished_at = CASE WHEN %(status)s <> 'pending' THEN clock_timestamp() END
     WHERE id = %(id)s AND (status = 'pending' OR %(status)s = 'succeeded')
    RETURNING id, endpoint_id, merchant_id, environment, attempt
)
INSERT INTO webhook_attempts (delivery_id, endpoint_id, merchant_id, environment, attempt,
                              response_status, error, response_excerpt, duration_ms)
SELECT delivery.*, %(response_status)s, %(error)s, %(excerpt)s, %(duration_ms)s FROM delivery
"""
_WELL = """
UPDATE webhook_endpoints
   SET consecutive_failures = 0, failing_since = NULL, paused_until = NULL
 WHERE id = %s AND consecutive_failures > 0
"""


def record_success(*, endpoint: WebhookEndpoint, delivery_id: UUID, outcome: Outcome) -> None:
    """The delivery succeeded and its endpoint is well."""

    def work() -> None:
        with connection.cursor() as cursor:
            if endpoint.consecutive_failures:
                cursor.execute(_WELL, [endpoint.pk])
            cursor.execute(
                _RECORD, _parameters(delivery_id, outcome, states.DELIVERY_SUCCEEDED, None)
            )

    run_in_transaction(work)


def record_failure(*, endpoint: WebhookEndpoint, delivery_id: UUID, outcome: Outcome) -> bool:
    """The delivery failed, for now or for good; whether its endpoint takes no more for a while.

    It is tried again after the pauses of ``RETRY_SECONDS``, not before what the receiver asks for
    by Retry-After, and given up when they are used up or its time is over. An endpoint that is gone
    (410), or has failed for ``WEBHOOK_DISABLED_AFTER_DAYS``, is disabled, and the merchant told.
    Locks the endpoint.
    """

    def work() -> bool:
        locked = lock_webhook_endpoint(endpoint.pk)
        now = datetime.now(UTC)
        next_attempt_at = _next_attempt(delivery_id, outcome, now)
        status = states.DELIVERY_FAILED if next_attempt_at is None else states.DELIVERY_PENDING
        with connection.cursor() as cursor:
            cursor.execute(_RECORD, _parameters(delivery_id, outcome, status, next_attempt_at))
        if locked is None or locked.status != states.ENABLED:
            return True
        return _note_failure(locked, outcome, now)

    return run_in_transaction(work)


def record_event_gone(*, delivery_id: UUID) -> None:
    """The delivery can't be made any more: the log has dropped its event."""
    outcome = Outcome(
        status=None, error="event_gone", excerpt="", duration_ms=0, retry_after_seconds=None
    )
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, _parameters(delivery_id, outcome, states.DELIVERY_FAILED, None))


def _next_attempt(delivery_id: UUID, outcome: Outcome, now: datetime) -> datetime | None:
    delivery = WebhookDelivery.objects.only("tries", "give_up_at").get(pk=delivery_id)
    if delivery.tries >= len(RETRY_SECONDS) or now >= (delivery.give_up_at or now):
        return None
    pause = RETRY_SECONDS[delivery.tries] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return now + timedelta(seconds=max(pause, outcome.retry_after_seconds or 0))


def _note_failure(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> bool:
    endpoint.consecutive_failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    failing_for = now - endpoint.failing_since
    if outcome.status == GONE:
        _disable(endpoint, states.AS_GONE)
        return True
    if failing_for >= timedelta(days=settings.WEBHOOK_DISABLED_AFTER_DAYS):
        _disable(endpoint, states.AS_FAILING)
        return True
    pause = pause_seconds(endpoint.consecutive_failures, outcome)
    endpoint.paused_until = now + timedelta(seconds=pause) if pause else None
    endpoint.save(update_fields=["consecutive_failures", "failing_since", "paused_until"])
    if failing_for >= FAILING_NOTICE_AFTER:
        _notify(endpoint, "webhook_endpoint_failing", now)
    return pause > 0


def pause_seconds(failures: int, outcome: Outcome) -> int:
    """How long an endpoint is left alone after its ``failures``-th failure in a row."""
    counted = failures if outcome.status is None else failures - ANSWERED_FAILURES_MAX
    pause = min(PAUSE_SECONDS * 2 ** min(counted - 1, 20), PAUSE_SECONDS_MAX) if counted > 0 else 0
    if outcome.status in LATER and outcome.retry_after_seconds:
        pause = max(pause, min(outcome.retry_after_seconds, RETRY_AFTER_PAUSE_MAX))
    return pause


def _disable(endpoint: WebhookEndpoint, reason: str) -> None:
    endpoint.save(update_fields=["consecutive_failures", "failing_since"])
    disable_webhook_endpoint(endpoint=endpoint, reason=reason, actor=SYSTEM)
    _notify(endpoint, "webhook_endpoint_disabled", datetime.now(UTC))


def _notify(endpoint: WebhookEndpoint, kind: str, now: datetime) -> None:
    """Once for each time that the endpoint began to fail."""
    since = endpoint.failing_since or now
    notify_merchant(
        merchant_id=endpoint.merchant_id,
        environment=endpoint.environment,
        kind=kind,
        object_id=endpoint.pk,
        occasion=since.isoformat(timespec="seconds"),
        context={
            "endpoint": str(endpoint.pk),
            "reason": endpoint.disabled_reason or "",
            "since": f"{since:%Y-%m-%d %H:%M}",
            "days": settings.WEBHOOK_DISABLED_AFTER_DAYS,
        },
    )


def _parameters(
    delivery_id: UUID, outcome: Outcome, status: str, next_attempt_at: datetime | None
) -> dict[str, Any]:
    return {
        "id": delivery_id,
        "status": status,
        "next_attempt_at": next_attempt_at,
        "response_status": outcome.status,
        "error": outcome.error,
        "excerpt": outcome.excerpt,
        "duration_ms": outcome.duration_ms,
    }
