"""Types of the events of transactions, payouts and balance adjustments."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from merchants.event_types import RiskSnapshot
from payments_project.events.catalogue import EventType, register_event_types
from payments_project.events.fields import Amount, Currency, EventObject, Part
from transactions import states

# A payment that nobody has doubted is "pending", as its column is made.
COMPLIANCE_STATUSES = ("pending", *states.COMPLIANCE.values())


class FailureSnapshot(Part):
    """Why a payment failed; the message is told by the API."""

    code: str = Field(description="Such as `card_declined`; codes may be added.")
    decline_code: str | None = Field(description="The issuer's reason; codes may be added.")


class ChargedCardSnapshot(Part):
    """What may be shown of the card that was charged; null for a payment without one."""

    brand: str | None = Field(description="Such as `visa`; brands may be added.")
    last_four: str | None


class GatewaySnapshot(Part):
    """Who took the payment, and its id there."""

    name: str
    transaction_id: str | None


class TransactionSnapshot(EventObject):
    """The transaction without description and metadata, which the API tells."""

    id: UUID
    object: Literal["transaction"]
    amount: Amount
    captured_amount: Amount | None = Field(
        description="In the currency's smallest unit; null until captured."
    )
    refunded_amount: Amount = Field(
        description="In the currency's smallest unit, pending refunds included."
    )
    fee_amount: Amount
    net_amount: Amount = Field(
        description="What was captured (before that, the amount) less the fee."
    )
    currency: Currency
    status: Literal[states.STATES]  # type: ignore[valid-type]
    failure: FailureSnapshot | None
    customer: UUID | None
    payment_method: str | None = Field(
        description="The token, `pm_…`; null for a payment taken elsewhere."
    )
    payment_method_type: str = Field(
        description="`card`, or what a payment taken elsewhere was recorded with."
    )
    card: ChargedCardSnapshot
    gateway: GatewaySnapshot
    risk: RiskSnapshot
    compliance_status: Literal[COMPLIANCE_STATUSES] | None  # type: ignore[valid-type]


class PayoutSnapshot(EventObject):
    """The payout without its description, which the API tells."""

    id: UUID
    object: Literal["payout"]
    amount: Amount
    currency: Currency
    status: Literal[states.PAYOUT_STATES]  # type: ignore[valid-type]
    failure_code: str | None = Field(
        description="Why it failed, such as `account_closed`; codes may be added."
    )
    paid_at: datetime | None


class BalanceAdjustmentSnapshot(EventObject):
    """The adjustment."""

    id: UUID
    object: Literal["balance_adjustment"]
    amount: int = Field(
        description="In the currency's smallest unit; below zero if it was taken from the balance."
    )
    currency: Currency


def _transaction(name: str, description: str, *previous: str) -> EventType:
    return EventType(name, 1, description, TransactionSnapshot, previous)


def _payout(name: str, description: str, *previous: str) -> EventType:
    return EventType(name, 1, description, PayoutSnapshot, previous)


_TRANSACTIONS = (
    _transaction(
        "transaction.created",
        "A payment was begun and its outcome is not known yet; or one taken elsewhere was recorded.",
    ),
    _transaction(
        "transaction.authorized", "The amount is held on the card, to be captured later.", "status"
    ),
    _transaction(
        "transaction.captured",
        "The gateway has accepted the capture and will confirm it later.",
        "status",
    ),
    _transaction(
        "transaction.succeeded",
        "The money is the merchant's; also when a refund in full has failed, or a dispute was won.",
        "status",
    ),
    _transaction(
        "transaction.failed", "The payment was declined, blocked or not charged.", "status"
    ),
    _transaction(
        "transaction.cancelled",
        "The payment was voided before capture, or its authorization has expired.",
        "status",
    ),
    _transaction("transaction.refunded", "All that was captured has been given back.", "status"),
    _transaction("transaction.disputed", "A chargeback was opened against the payment.", "status"),
    _transaction(
        "transaction.updated",
        "Description or metadata, which the event leaves to the API, were changed, or the"
        " `compliance_status`.",
        "compliance_status",
    ),
)
_PAYOUTS = (
    _payout("payout.created", "Available money was set aside, to be sent to the bank account."),
    _payout("payout.paid", "The bank has paid the money out.", "status"),
    _payout(
        "payout.failed",
        "The payout failed, or the bank returned it after it was paid; its money is available"
        " again.",
        "status",
    ),
    _payout(
        "payout.cancelled",
        "The payout was called off before it was sent; its money is available again.",
        "status",
    ),
)
_ADJUSTMENTS = (
    EventType(
        "balance_adjustment.created",
        1,
        "We corrected the available balance.",
        BalanceAdjustmentSnapshot,
    ),
)


def register_transaction_event_types() -> None:
    """Registers this app's types; called once, when the app starts."""
    register_event_types(*_TRANSACTIONS, *_PAYOUTS, *_ADJUSTMENTS)
