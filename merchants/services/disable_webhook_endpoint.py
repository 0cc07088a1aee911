"""Switching a webhook endpoint off."""

from datetime import UTC, datetime

from merchants import states
from merchants.snapshot import webhook_endpoint_snapshot
from merchants.webhook_models import WebhookEndpoint
from payments_project.actor import Actor
from payments_project.events.record import record_event


def disable_webhook_endpoint(*, endpoint: WebhookEndpoint, reason: str, actor: Actor) -> None:
    """Disables an endpoint that the caller has locked, in the caller's transaction.

    ``reason``: ``merchant``, ``staff``, ``deleted``, ``gone`` (it answered 410) or ``failing``.
    Nothing is delivered any more, and what was due is given up.
    """
    endpoint.status = states.DISABLED
    endpoint.disabled_reason = reason
    endpoint.disabled_at = datetime.now(UTC)
    endpoint.paused_until = None
    endpoint.updated_at = endpoint.disabled_at
    endpoint.save(
        update_fields=["status", "disabled_reason", "disabled_at", "paused_until", "updated_at"]
    )
    record_event(
        aggregate=endpoint,
        type="webhook_endpoint.disabled",
        data=webhook_endpoint_snapshot(endpoint),
        previous={"status": states.ENABLED, "disabled_reason": None},
        actor=actor,
    )
