"""What the webhook endpoints take."""

from typing import Annotated, Literal

from pydantic import Field

from merchants.services.rotate_webhook_secret import OVERLAP_SECONDS, OVERLAP_SECONDS_MAX
from merchants.webhooks.event_filters import EVERYTHING, FILTERS_MAX
from merchants.webhooks.urls import LENGTH_MAX
from payments_project.api.bodies import Body, FreeText, Timestamp
from payments_project.api.query import CreatedRange, ListQuery

Url = Annotated[
    str, Field(min_length=1, max_length=LENGTH_MAX, json_schema_extra={"format": "uri"})
]
Filters = Annotated[
    list[Annotated[str, Field(max_length=60)]], Field(min_length=1, max_length=FILTERS_MAX)
]
Description = Annotated[FreeText, Field(max_length=500)]


class CreateWebhookEndpoint(Body):
    """``POST /v1/webhook_endpoints``."""

    url: Url
    enabled_events: Filters = Field(default_factory=lambda: [EVERYTHING])
    description: Description | None = None


class UpdateWebhookEndpoint(Body):
    """``PATCH /v1/webhook_endpoints/{id}``."""

    url: Url = ""
    enabled_events: Filters = Field(default_factory=list)
    description: Description | None = None
    status: Literal["enabled", "disabled"] = "enabled"


class RotateSecret(Body):
    """``POST /v1/webhook_endpoints/{id}/rotate_secret``."""

    overlap_seconds: Annotated[int, Field(ge=0, le=OVERLAP_SECONDS_MAX)] = OVERLAP_SECONDS


class ResendWebhooks(Body):
    """``POST /v1/webhook_endpoints/{id}/resend``."""

    since: Timestamp
    status: Literal["failed", "all"] = "failed"


class WebhookEndpointQuery(ListQuery, CreatedRange):
    """``GET /v1/webhook_endpoints``."""


class WebhookDeliveryQuery(ListQuery, CreatedRange):
    """``GET /v1/webhook_endpoints/{id}/deliveries``."""

    status: Literal["pending", "succeeded", "failed"] | None = None
    event: str | None = None
    event_type: Annotated[str, Field(max_length=60)] | None = None
