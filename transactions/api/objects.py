"""How transactions and balances look to merchants."""

from typing import Any, Literal
from uuid import UUID

from merchants.api.objects import Risk
from payments_project.api.objects import ApiObject, Day, Resource, Time
from payments_project.tenancy import Scope
from transactions import states
from transactions.balances import Balance
from transactions.models import Transaction
from transactions.payout_models import Payout
from transactions.selectors import BalanceEntry, TimelineStep
from transactions.snapshot import transaction_snapshot


class CardSummary(ApiObject):
    """What may be shown of the card that was charged."""

    brand: str | None
    last_four: str | None


class GatewaySummary(ApiObject):
    """Who took the payment, and its id there."""

    name: str
    transaction_id: str | None


class Failure(ApiObject):
    """Why a payment failed."""

    code: str
    decline_code: str | None
    message: str | None


class TransactionObject(Resource):
    """A payment. Amounts are in the currency's smallest unit."""

    object: Literal["transaction"] = "transaction"
    amount: int
    captured_amount: int | None
    refunded_amount: int
    fee_amount: int
    net_amount: int
    currency: str
    status: str
    failure: Failure | None
    customer: UUID | None
    payment_method: str | None
    payment_method_type: str
    card: CardSummary
    gateway: GatewaySummary
    risk: Risk
    compliance_status: str | None
    description: str | None
    metadata: dict[str, str]
    updated_at: Time


class TimelineStepObject(Resource):
    """A state that a transaction was in, since when and by whose doing; ``id`` is the event's."""

    object: Literal["timeline_step"] = "timeline_step"
    sequence: int
    type: str
    status: str
    cause: dict[str, Any]


class BalanceAmounts(ApiObject):
    """A merchant's money in one currency."""

    currency: str
    pending: int
    available: int
    reserved: int


class BalanceObject(ApiObject):
    """A reading of the balance, exact at its moment."""

    object: Literal["balance"] = "balance"
    environment: Literal["test", "live"]
    balances: list[BalanceAmounts]


class BalanceEntryObject(Resource):
    """One change of one bucket; a bucket's entries sum up to its balance."""

    object: Literal["balance_entry"] = "balance_entry"
    type: str
    amount: int
    currency: str
    bucket: Literal["pending", "available", "reserved"]
    source: UUID
    available_on: Day | None


class PayoutObject(Resource):
    """Available money on its way to the merchant's bank account, or there."""

    object: Literal["payout"] = "payout"
    amount: int
    currency: str
    status: Literal[states.PAYOUT_STATES]  # type: ignore[valid-type]
    description: str | None
    paid_at: Time | None


def transaction_object(transaction: Transaction) -> TransactionObject:
    """The transaction from a row, or from memory right after a change.

    It is what events show, and what they leave to the API.
    """
    content = transaction_snapshot(transaction)
    if content["failure"]:
        content["failure"]["message"] = transaction.failure_message
    content |= {
        "id": transaction.pk,
        "environment": transaction.environment,
        "created_at": transaction.created_at,
        "description": transaction.description,
        "metadata": transaction.metadata or {},
        "updated_at": transaction.updated_at,
    }
    # In one call, parts included: this is the payment path, and pydantic checks all of it faster
    # than ``model_construct``, which is Python, goes through the fields.
    return TransactionObject.model_validate(content)


def timeline_step_object(scope: Scope, step: TimelineStep) -> TimelineStepObject:
    """One step of a timeline."""
    return TimelineStepObject(
        id=step.event_id,
        environment=scope.environment,
        created_at=step.at,
        sequence=step.sequence,
        type=step.type,
        status=step.status,
        cause={"type": step.actor_kind, "request": step.request_id},
    )


def balance_object(scope: Scope, balances: list[Balance]) -> BalanceObject:
    """All currencies of a merchant."""
    return BalanceObject(
        environment=scope.environment,
        balances=[
            BalanceAmounts(
                currency=item.currency,
                pending=item.pending,
                available=item.available,
                reserved=item.reserved,
            )
            for item in balances
        ],
    )


def balance_entry_object(scope: Scope, entry: BalanceEntry) -> BalanceEntryObject:
    """One side of a ledger entry; its id names the entry and the bucket."""
    return BalanceEntryObject(
        id=f"{entry.entry_id}-{entry.bucket}",
        environment=scope.environment,
        created_at=entry.created_at,
        type=entry.type,
        amount=entry.amount,
        currency=entry.currency,
        bucket=entry.bucket,
        source=entry.source_id,
        available_on=entry.available_on,
    )


def payout_object(payout: Payout) -> PayoutObject:
    """The payout from its row."""
    return PayoutObject(
        id=payout.pk,
        environment=payout.environment,
        created_at=payout.created_at,
        amount=payout.amount,
        currency=payout.currency,
        status=payout.status,
        description=payout.description,
        paid_at=payout.paid_at,
    )
