"""An event as merchants see it: in the API and as the body of a webhook, the same JSON."""

from typing import Any

from payments_project.events.models import Event
from payments_project.json_text import json_text
from payments_project.times import render_time


def event_content(event: Event) -> dict[str, Any]:
    """The API's ``event`` object as JSON content. ``request`` is null for what no call of the
    merchant's caused: requests of staff are ours."""
    request = None
    if event.request_id is not None and event.actor_kind == "api_key":
        request = {"id": event.request_id, "idempotency_key": event.idempotency_key}
    return {
        "id": str(event.pk),
        "object": "event",
        "environment": event.environment,
        "created_at": render_time(event.created_at),
        "type": event.type,
        "sequence": event.sequence,
        "data": event.payload,
        "request": request,
    }


def event_body(event: Event) -> bytes:
    """The event as a webhook's body: the same bytes at every attempt."""
    return json_text(event_content(event)).encode()
