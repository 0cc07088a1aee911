"""Types of the events of accounts, API keys, customers and webhook endpoints."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from merchants import states
from merchants.models import RISK_CHOICES, ApiKey
from payments_project.events.catalogue import EventType, register_event_types
from payments_project.events.fields import Currency, EventObject, Part

RISK_LEVELS = tuple(level for level, _ in RISK_CHOICES)
RiskLevel = Literal[RISK_LEVELS]  # type: ignore[valid-type]
ENDPOINT_STATUSES = ("enabled", "disabled")


class RiskSnapshot(Part):
    """A rating."""

    score: Annotated[float, Field(ge=0, le=1)] | None = Field(description="From 0 to 1.")
    level: RiskLevel | None


class CustomerSnapshot(EventObject):
    """The customer without personal data, which the API tells."""

    id: UUID
    object: Literal["customer"]
    external_customer_id: str | None = Field(description="The merchant's own id of the customer.")
    risk: RiskSnapshot
    is_active: bool = Field(description="False once the customer was deleted.")


class ApiKeySnapshot(EventObject):
    """The API key without the key itself."""

    id: UUID
    object: Literal["api_key"]
    prefix: str = Field(description="The key's first characters.")
    name: str
    type: Literal[ApiKey.SECRET, ApiKey.PUBLISHABLE]  # type: ignore[valid-type]
    permissions: list[str] = Field(description="Such as `refunds:read`; `*` is all.")
    is_active: bool = Field(description="False once the key was revoked.")
    expires_at: datetime | None


class MerchantSnapshot(EventObject):
    """The account."""

    id: UUID
    object: Literal["merchant"]
    business_name: str
    status: Literal[states.STATES]  # type: ignore[valid-type]
    settlement_currency: Currency
    settlement_delay_days: Annotated[int, Field(ge=0)] = Field(
        description="Days from capture until the money is available."
    )


class WebhookEndpointSnapshot(EventObject):
    """The webhook endpoint without its address, which may hold a secret."""

    id: UUID
    object: Literal["webhook_endpoint"]
    status: Literal[ENDPOINT_STATUSES]  # type: ignore[valid-type]
    enabled_events: list[str] = Field(description="Types of events that it gets; `*` is all.")
    disabled_reason: str | None = Field(description="Why it is disabled; null while enabled.")


_CUSTOMERS = (
    EventType("customer.created", 1, "A customer was created.", CustomerSnapshot),
    EventType(
        "customer.updated",
        1,
        "Something about a customer was changed, which may be personal data or metadata that the"
        " event leaves to the API.",
        CustomerSnapshot,
    ),
    EventType(
        "customer.deleted",
        1,
        "A customer was deactivated and the personal data erased; payments and totals stay.",
        CustomerSnapshot,
    ),
)
_API_KEYS = (
    EventType(
        "api_key.created",
        1,
        "An API key was made, by itself or to take the place of a rotated one.",
        ApiKeySnapshot,
    ),
    EventType(
        "api_key.rotated",
        1,
        "An API key was replaced by a new one, and ends at once or at `expires_at`.",
        ApiKeySnapshot,
    ),
    EventType("api_key.revoked", 1, "An API key was ended for good.", ApiKeySnapshot),
)
_MERCHANTS = (
    EventType(
        "merchant.updated",
        1,
        "The account was opened, its status has changed, or we changed its details or terms; it is"
        " told in the live environment.",
        MerchantSnapshot,
        ("business_name", "status", "settlement_currency", "settlement_delay_days"),
    ),
)
_WEBHOOK_ENDPOINTS = (
    EventType(
        "webhook_endpoint.created", 1, "A webhook endpoint was added.", WebhookEndpointSnapshot
    ),
    EventType(
        "webhook_endpoint.updated",
        1,
        "A webhook endpoint was changed or enabled again.",
        WebhookEndpointSnapshot,
        ("status", "enabled_events", "disabled_reason"),
    ),
    EventType(
        "webhook_endpoint.disabled",
        1,
        "A webhook endpoint gets no more events: it was disabled, or it has failed for too long.",
        WebhookEndpointSnapshot,
        ("status", "disabled_reason"),
    ),
    EventType(
        "webhook_endpoint.test",
        1,
        "A test event was asked for; it goes to that endpoint alone, and nothing has changed.",
        WebhookEndpointSnapshot,
    ),
)


def register_merchant_event_types() -> None:
    """Registers this app's types; called once, when the app starts."""
    register_event_types(*_CUSTOMERS, *_API_KEYS, *_MERCHANTS, *_WEBHOOK_ENDPOINTS)
