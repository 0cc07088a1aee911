"""Types of the events of payment methods."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from payments_project.events.catalogue import EventType, register_event_types
from payments_project.events.fields import EventObject, Part
from vault.models import CARD


class StoredCardSnapshot(Part):
    """What may be shown of a card."""

    brand: str | None = Field(description="Such as `visa`; brands may be added.")
    last_four: str | None
    exp_month: Annotated[int, Field(ge=1, le=12)] | None
    exp_year: int | None
    fingerprint: str = Field(description="The same for the same number of one merchant.")


class PaymentMethodSnapshot(EventObject):
    """The payment method without its holder's name, which the API tells."""

    id: str = Field(description="The token, `pm_…`.")
    object: Literal["payment_method"]
    type: Literal[CARD]  # type: ignore[valid-type]
    card: StoredCardSnapshot
    customer: UUID | None = Field(description="Whom it is attached to now.")
    is_active: bool = Field(description="False once it was detached: it can't be charged.")


_TYPES = (
    EventType(
        "payment_method.created",
        1,
        "A card was tokenised for the first time, for its customer if one was named.",
        PaymentMethodSnapshot,
    ),
    EventType(
        "payment_method.attached",
        1,
        "A payment method was attached to a customer, or a detached one given again.",
        PaymentMethodSnapshot,
        ("card", "customer", "is_active"),
    ),
    EventType(
        "payment_method.detached",
        1,
        "A payment method was taken out of use; the deletion of its customer does that too.",
        PaymentMethodSnapshot,
        ("customer", "is_active"),
    ),
    EventType(
        "payment_method.updated",
        1,
        "The customer's card was given again with another expiry date or holder's name.",
        PaymentMethodSnapshot,
        ("card",),
    ),
    EventType(
        "payment_method.expiring",
        1,
        "A customer's card expires within thirty days; ask the customer for a new one.",
        PaymentMethodSnapshot,
    ),
)


def register_payment_method_event_types() -> None:
    """Registers this app's types; called once, when the app starts."""
    register_event_types(*_TYPES)
