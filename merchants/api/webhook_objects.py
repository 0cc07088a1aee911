"""How webhook endpoints and deliveries look to merchants."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from merchants.webhook_models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from payments_project.api.objects import ApiObject, Resource, Time


class WebhookEndpointObject(Resource):
    """Where events are sent to; `secret` signs them, and is told only when the endpoint was created
    or its secret rotated just now.

    `disabled_reason` is `merchant`, `staff`, `deleted`, `gone` (it answered 410) or `failing`.
    """

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    url: str
    enabled_events: list[str]
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["merchant", "staff", "deleted", "gone", "failing"] | None
    description: str | None
    secret: str | None = None


class WebhookAttemptObject(ApiObject):
    """One request to the endpoint: what it answered, or why there was no answer."""

    attempt: int
    created_at: Time
    response_status: int | None
    error: str | None
    response_excerpt: str | None
    duration_ms: int


class WebhookDeliveryObject(Resource):
    """An event on its way to an endpoint. `attempt` counts the attempts so far, and the answer is
    that of the newest; `attempts` are all of them, newest first, where one delivery is read."""

    object: Literal["webhook_delivery"] = "webhook_delivery"
    endpoint: UUID
    event: UUID
    event_type: str
    attempt: int
    status: Literal["pending", "succeeded", "failed"]
    response_status: int | None
    error: str | None
    response_excerpt: str | None
    duration_ms: int | None
    next_attempt_at: Time | None
    attempts: list[WebhookAttemptObject] | None = None


class WebhookResendObject(ApiObject):
    """How many webhooks will be sent again. With `has_more`, call again with `continue_from` as
    `since`."""

    object: Literal["webhook_resend"] = "webhook_resend"
    endpoint: UUID
    count: int
    has_more: bool
    continue_from: Time | None


def endpoint_content(endpoint: WebhookEndpoint, *, secret: str | None = None) -> dict[str, Any]:
    """The endpoint as JSON content; the field ``secret`` is there only if given."""
    content = WebhookEndpointObject(
        id=endpoint.pk,
        environment=endpoint.environment,
        created_at=endpoint.created_at,
        url=endpoint.url,
        enabled_events=list(endpoint.enabled_events),
        status=endpoint.status,
        disabled_reason=endpoint.disabled_reason,
        description=endpoint.description,
        secret=secret,
    ).model_dump(mode="json")
    if secret is None:
        del content["secret"]
    return content


def delivery_content(
    delivery: WebhookDelivery, *, attempts: Sequence[WebhookAttempt] | None = None
) -> dict[str, Any]:
    """The delivery as JSON content; ``attempts`` are there only if given."""
    content = WebhookDeliveryObject(
        id=delivery.pk,
        environment=delivery.environment,
        created_at=delivery.created_at,
        endpoint=delivery.endpoint_id,
        event=delivery.event_id,
        event_type=delivery.event_type,
        attempt=delivery.attempt,
        status=delivery.status,
        response_status=delivery.response_status,
        error=delivery.error,
        response_excerpt=delivery.response_excerpt,
        duration_ms=delivery.duration_ms,
        next_attempt_at=delivery.next_attempt_at,
        attempts=None if attempts is None else [_attempt(each) for each in attempts],
    ).model_dump(mode="json")
    if attempts is None:
        del content["attempts"]
    return content


def _attempt(attempt: WebhookAttempt) -> WebhookAttemptObject:
    return WebhookAttemptObject(
        attempt=attempt.attempt,
        created_at=attempt.created_at,
        response_status=attempt.response_status,
        error=attempt.error,
        response_excerpt=attempt.response_excerpt,
        duration_ms=attempt.duration_ms,
    )
