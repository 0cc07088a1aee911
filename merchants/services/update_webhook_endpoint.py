"""Changing a webhook endpoint, switching it on and off, and deleting it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from merchants import states
from merchants.locking import lock_own_webhook_endpoint
from merchants.services.disable_webhook_endpoint import disable_webhook_endpoint
from merchants.snapshot import webhook_endpoint_snapshot
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.event_filters import require_event_filters
from merchants.webhooks.urls import require_webhook_url
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope


def update_webhook_endpoint(
    *,
    scope: Scope,
    endpoint_id: UUID,
    changes: Mapping[str, Any],
    actor: Actor,
    disabled_by: str = states.BY_MERCHANT,
) -> WebhookEndpoint:
    """Applies ``changes`` (``url``, ``enabled_events``, ``description``, ``status``) in the caller's
    transaction; locks the endpoint.

    One that is enabled again or gets another URL begins anew: its failures are forgotten. Nothing is
    written where nothing changes. Raises ``InvalidInput`` for a URL or filter that can't be, and
    ``ResourceMissing``.
    """
    endpoint = lock_own_webhook_endpoint(scope=scope, endpoint_id=endpoint_id)
    wanted = dict(changes)
    status = wanted.pop("status", endpoint.status)
    if "url" in wanted:
        wanted["url"] = require_webhook_url(wanted["url"], environment=scope.environment)
    if "enabled_events" in wanted:
        wanted["enabled_events"] = require_event_filters(wanted["enabled_events"])
    changed = {name: value for name, value in wanted.items() if getattr(endpoint, name) != value}
    previous: dict[str, Any] = {}
    if "enabled_events" in changed:
        previous["enabled_events"] = endpoint.enabled_events
    is_enabled_again = status == states.ENABLED and endpoint.status == states.DISABLED
    if is_enabled_again:
        previous |= {"status": endpoint.status, "disabled_reason": endpoint.disabled_reason}
        changed |= {"status": states.ENABLED, "disabled_reason": None, "disabled_at": None}
    if is_enabled_again or "url" in changed:
        changed |= {"consecutive_failures": 0, "failing_since": None, "paused_until": None}
    if changed:
        for name, value in changed.items():
            setattr(endpoint, name, value)
        endpoint.updated_at = datetime.now(UTC)
        endpoint.save(update_fields=[*changed, "updated_at"])
        record_event(
            aggregate=endpoint,
            type="webhook_endpoint.updated",
            data=webhook_endpoint_snapshot(endpoint),
            previous=previous,
            actor=actor,
        )
    if status == states.DISABLED and endpoint.status == states.ENABLED:
        disable_webhook_endpoint(endpoint=endpoint, reason=disabled_by, actor=actor)
    return endpoint


def delete_webhook_endpoint(*, scope: Scope, endpoint_id: UUID, actor: Actor) -> WebhookEndpoint:
    """Disables an endpoint for good, in the caller's transaction; locks it.

    The event that tells it is ``disabled``, or, of one that was disabled before, ``updated``.
    It does not exist for the API afterwards; its row stays for the record of its deliveries. Raises
    ``ResourceMissing``.
    """
    endpoint = lock_own_webhook_endpoint(scope=scope, endpoint_id=endpoint_id)
    reason_before = endpoint.disabled_reason
    if endpoint.status == states.ENABLED:
        disable_webhook_endpoint(endpoint=endpoint, reason=states.AS_DELETED, actor=actor)
    endpoint.disabled_reason = states.AS_DELETED
    endpoint.deleted_at = endpoint.updated_at = datetime.now(UTC)
    # Nobody will need to check a signature of it any more.
    endpoint.previous_secret = endpoint.previous_secret_until = None
    endpoint.save(
        update_fields=[
            "deleted_at",
            "updated_at",
            "disabled_reason",
            "previous_secret",
            "previous_secret_until",
        ]
    )
    if reason_before is not None:
        record_event(
            aggregate=endpoint,
            type="webhook_endpoint.updated",
            data=webhook_endpoint_snapshot(endpoint),
            previous={"disabled_reason": reason_before},
            actor=actor,
        )
    return endpoint
