"""What the refund, dispute and record endpoints take."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model
from pydantic_core import PydanticCustomError

from disputes import evidence, states
from disputes.evidence import EvidenceField
from payments_project.api.bodies import (
    AMOUNT_MAX,
    Amount,
    Body,
    Currency,
    Email,
    FreeText,
    Id,
    IpAddress,
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


class CancelRefund(Body):
    """``POST /v1/refunds/{id}/cancel``: takes nothing."""


class AcceptDispute(Body):
    """``POST /v1/disputes/{id}/accept``: takes nothing."""


def _day(value: str) -> str:
    try:
        if len(value) != 10:
            raise ValueError
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise PydanticCustomError("day", "Not a day, such as 2026-01-31.") from None


Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]


def _kind_of(field: EvidenceField) -> Any:
    kinds: dict[str, Any] = {
        evidence.FILE: Id,
        evidence.DAY: Day,
        evidence.EMAIL: Email,
        evidence.IP: IpAddress,
    }
    text = Annotated[FreeText, Field(min_length=1, max_length=field.length_max)]
    return kinds.get(field.kind, text)


_evidence_fields: dict[str, Any] = {
    field.name: (Annotated[_kind_of(field) | None, Field(description=field.asks)], None)
    for field in evidence.FIELDS
}
# The catalogue as a body: what is not given stays as it is, null takes a field away.
EvidenceBody: Any = create_model("EvidenceBody", __base__=Body, **_evidence_fields)


class UpdateDispute(Body):
    """``POST /v1/disputes/{id}``: what is given is laid over what is staged."""

    evidence: EvidenceBody | None = None
    merchant_response: Annotated[FreeText, Field(min_length=1, max_length=5000)] | None = None
    submit: bool = False

    def changes(self) -> dict[str, str | None]:
        """The evidence that is given; None takes a field away."""
        if self.evidence is None:
            return {}
        given = {name: getattr(self.evidence, name) for name in self.evidence.model_fields_set}
        return {name: None if value is None else str(value) for name, value in given.items()}


class UploadFile(Body):
    """``POST /v1/files``: a form, not JSON. The file's content says what it is."""

    purpose: Literal["dispute_evidence"]
    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]


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
