"""Whether webhook endpoints are well, for those who look after them."""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet

from merchants import states
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.retries import oldest_pending

WELL, FAILING, PAUSED, DISABLED = "well", "failing", "paused", "disabled"
HEALTH = (WELL, FAILING, PAUSED, DISABLED)
# So long after it was disabled for that somebody may still have to tell the merchant.
RECENT = timedelta(days=7)
COUNT_MAX = 100_000

# ``paused`` is one that fails and is left alone for a while.
_FAILING = Q(status=states.ENABLED, failing_since__isnull=False)

_PENDING = """
SELECT count(*) FROM (SELECT FROM webhook_deliveries
                       WHERE status = 'pending' AND id >= %s LIMIT %s) AS pending
"""


def health_of(endpoint: WebhookEndpoint, *, now: datetime | None = None) -> str:
    """One of ``HEALTH``."""
    if endpoint.status == states.DISABLED:
        return DISABLED
    if endpoint.paused_until is not None and endpoint.paused_until > (now or datetime.now(UTC)):
        return PAUSED
    return FAILING if endpoint.failing_since is not None else WELL


def with_health(health: str) -> Q:
    """The endpoints of a health; of those that are paused, ``failing`` has all."""
    if health == DISABLED:
        return Q(status=states.DISABLED)
    if health == PAUSED:
        return _FAILING & Q(paused_until__gt=datetime.now(UTC))
    return _FAILING if health == FAILING else Q(status=states.ENABLED, failing_since__isnull=True)


def failing_endpoints() -> "QuerySet[WebhookEndpoint]":
    """Those that fail now, and those that were disabled for it within ``RECENT``: found by the index
    of failing ones."""
    return WebhookEndpoint.objects.filter(needs_a_look())


def needs_a_look() -> Q:
    """The condition of ``failing_endpoints``."""
    disabled = Q(
        status=states.DISABLED,
        disabled_reason__in=states.ENDPOINTS_OWN_FAULT,
        disabled_at__gte=datetime.now(UTC) - RECENT,
        deleted_at__isnull=True,
    )
    return Q(failing_since__isnull=False) & (_FAILING | disabled)


def count_pending_deliveries() -> int:
    """How many webhooks are to be sent, now or later; up to ``COUNT_MAX``."""
    with connection.cursor() as cursor:
        cursor.execute(_PENDING, [oldest_pending(datetime.now(UTC)), COUNT_MAX])
        return int(cursor.fetchone()[0])
