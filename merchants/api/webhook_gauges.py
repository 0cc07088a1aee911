"""Webhooks that wait and endpoints that fail, for ``/metrics``."""

from collections.abc import Iterator

from merchants.webhooks.health import count_pending_deliveries, failing_endpoints
from payments_project.api.gauges import Gauge


def webhook_gauges() -> Iterator[Gauge]:
    """Over all merchants and both environments."""
    yield Gauge(
        "webhook_deliveries_pending",
        "Webhooks that are to be sent, now or again later; counted up to 100,000.",
        value=count_pending_deliveries(),
    )
    yield Gauge(
        "webhook_endpoints_failing",
        "Endpoints that fail, or were disabled because they did within the last week.",
        value=failing_endpoints().count(),
    )
