"""Sending webhooks again: one, all since a time, and a test event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from merchants import states
from merchants.errors import EventTooOld, WebhookEndpointDisabled
from merchants.locking import lock_own_webhook_endpoint
from merchants.services.fan_out_webhooks import insert_deliveries, is_wanted
from merchants.snapshot import webhook_endpoint_snapshot
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from merchants.webhooks.delivery_ids import delivery_id
from merchants.webhooks.dispatch import ask_for_delivery
from merchants.webhooks.event_filters import TEST_EVENT
from merchants.webhooks.retries import GIVE_UP_AFTER, RESEND_DAYS_MAX, is_too_old
from payments_project.actor import Actor
from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.logged import COLUMNS, EventRow, LoggedEvent, from_log
from payments_project.events.record import record_event
from payments_project.tenancy import Scope

BATCH_MAX = 10_000

_AGAIN = """
UPDATE webhook_deliveries
   SET status = 'pending', tries = 0, next_attempt_at = clock_timestamp(),
       give_up_at = clock_timestamp() + make_interval(secs => %s), finished_at = NULL
 WHERE id = ANY(%s)
"""
_EVENTS = f"""
SELECT {COLUMNS}
  FROM (SELECT * FROM events
         WHERE merchant_id = %s AND environment = %s AND id >= %s
         ORDER BY id LIMIT %s) AS events
 ORDER BY events.id
"""
_OF_OBJECT = f"SELECT {COLUMNS} FROM events WHERE aggregateid = %s AND sequence = %s"


@dataclass(frozen=True, slots=True)
class Resent:
    """How many will be sent, and from when to go on if there are more: None if there are not."""

    count: int
    continue_from: datetime | None


def resend_webhook(*, scope: Scope, delivery: WebhookDelivery) -> None:
    """Has a delivery made anew, from its first try, in the caller's transaction; locks its endpoint.

    One that is pending is due at once; one that a worker is at stays with it, and is sent anew if
    that attempt fails. Raises ``WebhookEndpointDisabled``, ``EventTooOld`` after
    ``RESEND_DAYS_MAX`` days, ``ResourceMissing``.
    """
    endpoint = _lock_enabled(scope, delivery.endpoint_id)
    if is_too_old(delivery.created_at):
        raise EventTooOld(f"Events are sent again for {RESEND_DAYS_MAX} days.")
    _send_again(endpoint, [delivery.pk])


def resend_webhooks_since(
    *, scope: Scope, endpoint_id: UUID, since: datetime, only_failed: bool
) -> Resent:
    """Sends an endpoint everything since a time again that it wants, in the caller's transaction.

    Events that it never got too, as while it was disabled or before it was made; with
    ``only_failed`` nothing but what failed. Looks at ``BATCH_MAX`` events a call, oldest first, and
    at each of them in one call only. Locks the endpoint. Raises ``WebhookEndpointDisabled``,
    ``EventTooOld`` and ``ResourceMissing``.
    """
    endpoint = _lock_enabled(scope, endpoint_id)
    if is_too_old(since):
        raise EventTooOld(f"Events are sent again for {RESEND_DAYS_MAX} days.", param="since")
    with connection.cursor() as cursor:
        cursor.execute(
            _EVENTS,
            [scope.merchant_id, scope.environment, uuid7_floor(since), BATCH_MAX + 1],
        )
        found = [from_log(EventRow._make(row)) for row in cursor.fetchall()]
    events, continue_from = _batch(found)
    wanted = [event for event in events if is_wanted(event, endpoint)]
    deliveries = [delivery_id(event_id=event.id, endpoint_id=endpoint.pk) for event in wanted]
    again = WebhookDelivery.objects.filter(pk__in=deliveries)
    if only_failed:
        again = again.filter(status=states.DELIVERY_FAILED)
    known = list(again.values_list("pk", flat=True))
    count = _send_again(endpoint, known)
    if not only_failed:
        count += len(insert_deliveries([(event, endpoint) for event in wanted]))
    return Resent(count, continue_from)


def send_test_webhook(*, scope: Scope, endpoint_id: UUID, actor: Actor) -> UUID:
    """Sends an endpoint a test event, whatever it has asked for; the id of its delivery.

    In the caller's transaction; locks the endpoint. Raises ``WebhookEndpointDisabled``,
    ``ResourceMissing``.
    """
    endpoint = _lock_enabled(scope, endpoint_id)
    sequence = record_event(
        aggregate=endpoint,
        type=TEST_EVENT,
        data=webhook_endpoint_snapshot(endpoint),
        actor=actor,
    )
    with connection.cursor() as cursor:
        cursor.execute(_OF_OBJECT, [str(endpoint.pk), sequence])
        event = from_log(EventRow._make(cursor.fetchone()))
    # The consumer will find it there; the caller need not wait for it.
    insert_deliveries([(event, endpoint)])
    _ask_after_commit(endpoint)
    return delivery_id(event_id=event.id, endpoint_id=endpoint.pk)


def _batch(found: Sequence[LoggedEvent]) -> tuple[Sequence[LoggedEvent], datetime | None]:
    """The events of this call, and the time from which the next one has to look.

    A time is a whole millisecond, so the batch ends before the one that it can't take whole; else
    the next call would take some of its events again.
    """
    if len(found) <= BATCH_MAX:
        return found, None
    continue_from = found[BATCH_MAX].created_at
    return [event for event in found if event.created_at < continue_from], continue_from


def _lock_enabled(scope: Scope, endpoint_id: UUID) -> WebhookEndpoint:
    """The endpoint, locked and, if it was paused, no longer so: who asks for a webhook wants to see
    now whether it arrives. A failing endpoint gets one attempt, and pauses again if that fails."""
    endpoint = lock_own_webhook_endpoint(scope=scope, endpoint_id=endpoint_id)
    if endpoint.status != states.ENABLED:
        raise WebhookEndpointDisabled("The endpoint is disabled; enable it first.")
    if endpoint.paused_until is not None:
        endpoint.paused_until = None
        endpoint.save(update_fields=["paused_until"])
    return endpoint


def _send_again(endpoint: WebhookEndpoint, deliveries: Sequence[UUID]) -> int:
    """What a worker is at keeps its lease, so that nobody else sends it meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, [GIVE_UP_AFTER.total_seconds(), list(deliveries)])
        count = int(cursor.rowcount)
    _ask_after_commit(endpoint)
    return count


def _ask_after_commit(endpoint: WebhookEndpoint) -> None:
    transaction.on_commit(partial(ask_for_delivery, [endpoint.pk]))
