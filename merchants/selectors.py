"""Reading what was sent to webhook endpoints; no locks, nothing written."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from merchants.access import deliveries_to
from merchants.webhook_models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from merchants.webhooks.retries import RESEND_DAYS_MAX
from payments_project.database.pages import Page, PageQuery, page_by_id, require_cursor
from payments_project.database.statements import planned_for_their_values
from payments_project.database.uuid7 import uuid7_floor

ATTEMPTS_MAX = 100


def list_deliveries(
    *, endpoint: WebhookEndpoint, query: PageQuery, filters: Mapping[str, Any]
) -> Page[WebhookDelivery]:
    """The page of an endpoint's deliveries that ``query`` asks for, newest event first.

    ``filters`` are a queryset's. No months are looked into from which the endpoint can't have got
    an event. Raises ``ResourceMissing`` for a cursor that is no delivery to the endpoint.
    """
    own = deliveries_to(endpoint)
    require_cursor(query, lambda pk: own.filter(pk=pk).exists())
    # What happened before an endpoint was made can be sent to it, so many days back; one more for
    # clocks that differ.
    oldest = uuid7_floor(endpoint.created_at - timedelta(days=RESEND_DAYS_MAX + 1))
    with planned_for_their_values():
        return page_by_id(own.filter(pk__gte=oldest).filter(**filters), query)


def newest_attempts(delivery: WebhookDelivery) -> list[WebhookAttempt]:
    """The newest ``ATTEMPTS_MAX`` attempts at a delivery, newest first."""
    # No attempt is older than its event, however the clock was set back.
    oldest = uuid7_floor(delivery.created_at - timedelta(days=1))
    attempts = WebhookAttempt.objects.filter(delivery_id=delivery.pk, pk__gte=oldest)
    return list(attempts.order_by("-pk")[:ATTEMPTS_MAX])
