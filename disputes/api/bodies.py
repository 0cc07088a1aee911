"""What the refund, dispute and record endpoints take."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from disputes import states
from payments_project.api.bodies import (
    AMOUNT_MAX,
    Amount,
    Body,
    Currency,
    FreeText,
    Id,
    Metadata,
    Timestamp,
)
from payments_project.api.query import CreatedRange, ListQuery
from transactions.api.bodies import Description

# Such as ``cash``, ``bank_transfer``, ``p24``: a word in which no card number hides.
_TYPE_DIGITS_MAX = 4


def _payment_method_type(value: str) -> str:
    if sum(character.isdigit() for character in value) > _TYPE_DIGITS_MAX:
        raise PydanticCustomError("too_many_digits", "Must have no more than 4 digits.")
    return value


PaymentMethodType = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$"), AfterValidator(_payment_method_type)
]
Reason = Annotated[FreeText, Field(min_length=1, max_length=100)]


class CreateRefund(Body):
    """``POST /v1/refunds``; all that is left by default."""

    transaction: Id
    amount: Amount | None = None
    reason: Reason | None = None
    metadata: Metadata | None = None


class RefundQuery(ListQuery, CreatedRange):
    """``GET /v1/refunds``."""

    transaction: Id | None = None
    status: Literal[states.REFUND_STATES] | None = None  # type: ignore[valid-type]


class DisputeQuery(ListQuery, CreatedRange):
    """``GET /v1/disputes``."""

    transaction: Id | None = None
    status: Literal[states.DISPUTE_STATES] | None = None  # type: ignore[valid-type]


class RecordedRefundBody(Body):
    """The refund within ``POST /v1/transactions/record``."""

    amount: Amount
    reason: Reason | None = None


class RecordTransaction(Body):
    """``POST /v1/transactions/record``."""

    amount: Amount
    currency: Currency
    payment_method_type: PaymentMethodType
    external_reference: Annotated[FreeText, Field(min_length=1, max_length=100)]
    fee_amount: Annotated[int, Field(ge=0, le=AMOUNT_MAX)] = 0
    customer: Id | None = None
    occurred_at: Timestamp | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    refund: RecordedRefundBody | None = None
