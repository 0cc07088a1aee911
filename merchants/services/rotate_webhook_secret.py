"""Rotating the secret that signs an endpoint's webhooks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from merchants.locking import lock_own_webhook_endpoint
from merchants.snapshot import webhook_endpoint_snapshot
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.signing import new_secret
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope

OVERLAP_SECONDS = 24 * 3600
OVERLAP_SECONDS_MAX = 7 * 24 * 3600


def rotate_webhook_secret(
    *, scope: Scope, endpoint_id: UUID, overlap_seconds: int, actor: Actor
) -> WebhookEndpoint:
    """Gives an endpoint a new secret, to be shown now and only now, in the caller's transaction.

    The old one signs too for ``overlap_seconds`` (a week at most), so that receivers can change
    theirs meanwhile; one that is older still ends at once. Locks the endpoint. Raises
    ``ResourceMissing``.
    """
    endpoint = lock_own_webhook_endpoint(scope=scope, endpoint_id=endpoint_id)
    endpoint.previous_secret = endpoint.previous_secret_until = None
    if overlap_seconds:
        endpoint.previous_secret = endpoint.secret
        endpoint.previous_secret_until = datetime.now(UTC) + timedelta(
            seconds=min(overlap_seconds, OVERLAP_SECONDS_MAX)
        )
    endpoint.secret = new_secret()
    endpoint.updated_at = datetime.now(UTC)
    endpoint.save(
        update_fields=["secret", "previous_secret", "previous_secret_until", "updated_at"]
    )
    record_event(
        aggregate=endpoint,
        type="webhook_endpoint.updated",
        data=webhook_endpoint_snapshot(endpoint),
        actor=actor,
    )
    return endpoint
