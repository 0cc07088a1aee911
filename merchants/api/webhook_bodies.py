"""What the webhook endpoints take."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from merchants.services.rotate_webhook_secret import OVERLAP_SECONDS, OVERLAP_SECONDS_MAX
from merchants.webhooks.event_filters import EVERYTHING, FILTERS_MAX
from merchants.webhooks.urls import LENGTH_MAX
from payments_project.api.bodies import Body, FreeText, Id, Timestamp
from payments_project.api.query import CreatedRange, ListQuery

Url = Annotated[
    FreeText, Field(min_length=1, max_length=LENGTH_MAX, json_schema_extra={"format": "uri"})
]
Filters = Annotated[
    list[Annotated[str, Field(max_length=60)]],
    Field(
        min_length=1,
        max_length=FILTERS_MAX,
        description="Types by name, an object's (`refund.*`), or all (`*`).",
    ),
]
Description = Annotated[FreeText, Field(max_length=500)]


class CreateWebhookEndpoint(Body):
    """``POST /v1/webhook_endpoints``."""

    url: Url
    enabled_events: Filters = Field(default_factory=lambda: [EVERYTHING])
    description: Description | None = None


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class UpdateWebhookEndpoint(Body):
    """``PATCH /v1/webhook_endpoints/{id}``: what is not given stays as it is, so that no default
    counts."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

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
    event: Id | None = None
    event_type: Annotated[str, Field(max_length=60)] | None = Field(
        None, description="A type by name, or an object's: `refund.*`."
    )
