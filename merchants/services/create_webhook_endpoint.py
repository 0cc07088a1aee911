"""Adding a webhook endpoint."""

from collections.abc import Sequence

from merchants.errors import WebhookEndpointsMax
from merchants.locking import lock_merchant
from merchants.snapshot import webhook_endpoint_snapshot
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.event_filters import EVERYTHING, require_event_filters
from merchants.webhooks.signing import new_secret
from merchants.webhooks.urls import require_webhook_url
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope

ENDPOINTS_MAX = 20


def create_webhook_endpoint(
    *,
    scope: Scope,
    actor: Actor,
    url: str,
    enabled_events: Sequence[str] = (EVERYTHING,),
    description: str | None = None,
) -> WebhookEndpoint:
    """Adds an endpoint in the caller's transaction; its ``secret`` is to be shown now, and only now.

    It gets what happens from now on. A merchant has at most ``ENDPOINTS_MAX`` in an environment,
    counted under the merchant's lock. Raises ``InvalidInput`` for a URL or filter that can't be,
    ``WebhookEndpointsMax``, ``ResourceMissing``.
    """
    normal = require_webhook_url(url, environment=scope.environment)
    filters = require_event_filters(enabled_events)
    lock_merchant(scope.merchant_id)
    owned = WebhookEndpoint.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment, deleted_at__isnull=True
    )
    if owned.count() >= ENDPOINTS_MAX:
        raise WebhookEndpointsMax(
            f"There are {ENDPOINTS_MAX} webhook endpoints already; delete one first."
        )
    endpoint = WebhookEndpoint(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        url=normal,
        enabled_events=filters,
        description=description,
        secret=new_secret(),
        created_by=actor.id,
    )
    endpoint.save(force_insert=True)
    record_event(
        aggregate=endpoint,
        type="webhook_endpoint.created",
        data=webhook_endpoint_snapshot(endpoint),
        actor=actor,
    )
    return endpoint
