"""Types of the events of refunds and disputes."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from disputes import states
from disputes.models import DISPUTE_TYPES
from payments_project.events.catalogue import EventType, register_event_types
from payments_project.events.fields import Amount, Currency, EventObject


class RefundSnapshot(EventObject):
    """The refund without reason and metadata, which the API tells."""

    id: UUID
    object: Literal["refund"]
    transaction: UUID
    amount: Amount
    currency: Currency
    status: Literal[states.REFUND_STATES]  # type: ignore[valid-type]
    failure_reason: str | None = Field(
        description="Why it failed, such as `declined`; reasons may be added."
    )


class DisputeSnapshot(EventObject):
    """The dispute without evidence and the merchant's words, which the API tells."""

    id: UUID
    object: Literal["dispute"]
    transaction: UUID
    dispute_type: Literal[DISPUTE_TYPES]  # type: ignore[valid-type]
    reason_code: str | None = Field(
        description="The gateway's, such as `fraudulent`; codes may be added."
    )
    amount: Amount = Field(
        description="What is disputed, in the currency's smallest unit; an inquiry holds nothing."
    )
    currency: Currency
    status: Literal[states.DISPUTE_STATES]  # type: ignore[valid-type]
    due_date: date | None = Field(description="The last day (UTC) to answer.")


class DisputeDueSoonSnapshot(DisputeSnapshot):
    """The dispute, and how long there still is to answer it."""

    days_left: Annotated[int, Field(ge=0)] = Field(
        description="Days until `due_date`; 0 on that day."
    )


def _refund(name: str, description: str) -> EventType:
    return EventType(name, 1, description, RefundSnapshot)


def _dispute(name: str, description: str, *previous: str) -> EventType:
    return EventType(name, 1, description, DisputeSnapshot, previous)


_REFUNDS = (
    _refund("refund.created", "A refund was asked for, and its amount is reserved."),
    _refund("refund.succeeded", "The money was given back to the customer."),
    _refund(
        "refund.failed",
        "The refund failed, or the customer's bank returned it; its amount can be refunded again.",
    ),
    _refund(
        "refund.cancelled",
        "A pending refund was called off; nothing was paid, and its amount can be refunded again.",
    ),
)
_DISPUTES = (
    _dispute(
        "dispute.created", "A cardholder has complained: a chargeback or an inquiry was opened."
    ),
    _dispute(
        "dispute.updated",
        "Evidence was staged, the gateway has changed the last day, the reason or the status, or an"
        " inquiry has become a chargeback.",
        "amount",
        "due_date",
        "dispute_type",
        "reason_code",
        "status",
    ),
    _dispute(
        "dispute.evidence_submitted",
        "The evidence was sent, and the dispute is under review.",
        "status",
    ),
    EventType(
        "dispute.due_soon",
        1,
        "An open dispute has to be answered within seven days, and again within three and one.",
        DisputeDueSoonSnapshot,
    ),
    _dispute(
        "dispute.closed", "The dispute was won or lost, or an inquiry ended without a chargeback."
    ),
    _dispute(
        "dispute.funds_withdrawn",
        "A chargeback's amount and fee, or a part of them, were taken from the balance.",
    ),
    _dispute(
        "dispute.funds_reinstated",
        "A chargeback was won, and what it had taken is available again.",
    ),
)


def register_dispute_event_types() -> None:
    """Registers this app's types; called once, when the app starts."""
    register_event_types(*_REFUNDS, *_DISPUTES)
