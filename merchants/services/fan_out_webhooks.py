"""From an event to the endpoints that want it: a consumer of all events."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from merchants import states
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.delivery_ids import delivery_id
from merchants.webhooks.dispatch import ask_for_delivery
from merchants.webhooks.event_filters import TEST_EVENT, matches
from merchants.webhooks.retries import GIVE_UP_AFTER, is_too_old
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.consumers import Consumer
from payments_project.events.logged import LoggedEvent

# The id is made of event and endpoint: whoever comes second writes nothing.
_INSERT = """
INSERT INTO webhook_deliveries (id, endpoint_id, event_id, merchant_id, environment, event_type,
                                aggregateid, position, next_attempt_at, give_up_at)
SELECT given.*, clock_timestamp(), clock_timestamp() + make_interval(secs => %s)
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[],
              %s::bigint[]) AS given
ON CONFLICT (id) DO NOTHING
RETURNING endpoint_id
"""

Wanted = tuple[LoggedEvent, WebhookEndpoint]


def fan_out(events: Sequence[LoggedEvent]) -> None:
    """Writes a delivery for each event and enabled endpoint that wants it, and asks workers to
    deliver.

    However often an event comes, an endpoint gets one delivery of it. Nothing is delivered that
    happened before the endpoint was made or over ``RESEND_DAYS_MAX`` days ago (a reader of the whole
    log comes by what was delivered long since), nor what happens to the endpoint itself, but its
    test.
    """
    wanted = _wanted(events)
    if not wanted:
        return
    made = run_in_transaction(lambda: insert_deliveries(wanted))
    ask_for_delivery(dict.fromkeys(made))


def insert_deliveries(wanted: Sequence[Wanted]) -> list[UUID]:
    """Writes the deliveries that are not there yet, due now, in the caller's transaction; the
    endpoint of each."""
    columns: list[list[Any]] = [
        [delivery_id(event_id=event.id, endpoint_id=endpoint.pk) for event, endpoint in wanted],
        [endpoint.pk for _, endpoint in wanted],
        [event.id for event, _ in wanted],
        [event.merchant_id for event, _ in wanted],
        [event.environment for event, _ in wanted],
        [event.type for event, _ in wanted],
        [event.aggregateid for event, _ in wanted],
        [event.position for event, _ in wanted],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [GIVE_UP_AFTER.total_seconds(), *columns])
        return [row[0] for row in cursor.fetchall()]


def _wanted(events: Sequence[LoggedEvent]) -> list[Wanted]:
    recent = [event for event in events if not is_too_old(event.created_at)]
    if not recent:
        return []
    endpoints: defaultdict[tuple[UUID, str], list[WebhookEndpoint]] = defaultdict(list)
    of_merchants = WebhookEndpoint.objects.filter(
        merchant_id__in={event.merchant_id for event in recent}, status=states.ENABLED
    ).only("id", "merchant_id", "environment", "enabled_events")
    for endpoint in of_merchants.order_by("pk"):
        endpoints[endpoint.merchant_id, endpoint.environment].append(endpoint)
    return [
        (event, endpoint)
        for event in recent
        for endpoint in endpoints.get((event.merchant_id, event.environment), ())
        if _is_due(event, endpoint)
    ]


def is_wanted(event: LoggedEvent, endpoint: WebhookEndpoint) -> bool:
    """Whether the endpoint has asked for such events: never for tests, nor for its own."""
    return (
        event.type != TEST_EVENT
        and event.aggregateid != str(endpoint.pk)
        and matches(endpoint.enabled_events, event.type)
    )


def _is_due(event: LoggedEvent, endpoint: WebhookEndpoint) -> bool:
    if event.type == TEST_EVENT:
        return event.aggregateid == str(endpoint.pk)
    return event.id >= endpoint.pk and is_wanted(event, endpoint)


WEBHOOKS = Consumer(name="webhooks", handle=fan_out, batch_events=500)
