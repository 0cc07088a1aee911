"""The OpenAPI document's ``webhooks``: what endpoints get, an entry for every type of event."""

from typing import Any

from payments_project.events.catalogue import EventType, event_types
from payments_project.events.fields import EventObject
from payments_project.events.schemas import data_schema, file_name, object_schema
from payments_project.tenancy import ENVIRONMENTS

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_PARAMETERS = "#/components/parameters/"


def _header(name: str, description: str, example: str, **schema: Any) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }


# Standard Webhooks 1.0.0, "Webhook Metadata" and "Signature scheme".
PARAMETERS: dict[str, Json] = {
    "WebhookId": _header(
        "webhook-id",
        "The event's id, the same each time it is sent: do nothing for one that you have seen.",
        "019b2f60-51f0-7d0e-8a44-3f5b0c6f2a11",
    ),
    "WebhookTimestamp": _header(
        "webhook-timestamp",
        "When it was sent, in seconds since 1970. Refuse what is some minutes old: somebody may be"
        " repeating what you got before.",
        "1769860800",
        pattern="^[0-9]+$",
    ),
    "WebhookSignature": _header(
        "webhook-signature",
        "Signatures with spaces between; one of them has to be right. Each is `v1,` and the Base64"
        " of the HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, the body as it came,"
        " by the endpoint's secret (the Base64 after `whsec_`, decoded).",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        pattern="^v1,",
    ),
}
_RESPONSES: Json = {
    "2XX": {"description": "You have it. Any other answer, or none in time: it is sent again."}
}
_REQUEST: Json = {
    "type": ["object", "null"],
    "description": "The call that caused it; null if none did.",
    "properties": {
        "id": {"type": ["string", "null"], "description": "Its `Request-Id`."},
        "idempotency_key": {"type": ["string", "null"]},
    },
    "required": ["id", "idempotency_key"],
}


def webhooks() -> Json:
    """The document's ``webhooks``; their objects are components (``object_components``)."""
    return {item.name: {"post": _operation(item)} for item in event_types()}


def object_components() -> dict[str, Json]:
    """The schemas of ``data.object``, by the names that ``webhooks`` has for them."""
    models = {item.object for item in event_types()}
    return {model.__name__: object_schema(model) for model in models}


def event_body(event_type: EventType) -> Json:
    """The schema of an event of the type as the API has it: what a webhook's body is."""
    properties: Json = {
        "id": {"type": "string", "format": "uuid"},
        "object": {"const": "event", "type": "string"},
        "environment": {"enum": list(ENVIRONMENTS), "type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "type": {"const": event_type.name, "type": "string"},
        "sequence": {
            "type": "integer",
            "minimum": 1,
            "description": "Which event of the object it is, without gaps.",
        },
        "data": data_schema(event_type, _reference(event_type.object)),
        "request": _REQUEST,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _operation(event_type: EventType) -> Json:
    return {
        "operationId": "on_" + event_type.name.replace(".", "_"),
        # Plain text, as the other operations' summaries are.
        "summary": event_type.description.rstrip(".").replace("`", ""),
        "description": f"{event_type.description} The schema of its `data` by itself:"
        f" [{file_name(event_type)}](/docs/events/{file_name(event_type)}).",
        "parameters": [{"$ref": _PARAMETERS + name} for name in PARAMETERS],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": event_body(event_type)}},
        },
        "responses": _RESPONSES,
        # Nobody's key: the signature tells who sent it.
        "security": [],
    }


def _reference(model: type[EventObject]) -> Json:
    return {"$ref": _SCHEMAS + model.__name__}
