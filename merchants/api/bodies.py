"""What the customer and key endpoints take."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from merchants.services.rotate_api_key import OVERLAP_SECONDS_MAX
from payments_project.api.bodies import Body, Email, FreeText, Metadata, Timestamp, free_text
from payments_project.api.query import CreatedRange, ListQuery

_PHONE = re.compile(r"\+?[0-9 ().-]{3,20}", re.ASCII)
# ITU-T E.164 allows no more; the most common card numbers have sixteen.
_PHONE_DIGITS = range(3, 16)


def _phone(value: str) -> str:
    digits = sum(character.isdigit() for character in value)
    if not _PHONE.fullmatch(value) or digits not in _PHONE_DIGITS:
        raise PydanticCustomError("phone", "Not a phone number.")
    # With its country a long number may happen to pass for a card's, and nobody types a card so.
    return value if value.startswith("+") else free_text(value)


def _birth_date(value: str) -> str:
    try:
        parsed = date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "Not a date, such as 1990-12-31.") from None
    if len(value) != 10 or not date(1900, 1, 1) <= parsed <= datetime.now(UTC).date():
        raise PydanticCustomError("date", "Not a birth date, such as 1990-12-31.")
    return value


def _future(value: datetime) -> datetime:
    if value <= datetime.now(UTC):
        raise PydanticCustomError("past", "The time must lie in the future.")
    return value


Name = Annotated[FreeText, Field(min_length=1, max_length=200)]
Phone = Annotated[str, AfterValidator(_phone), Field(max_length=20)]
BirthDate = Annotated[str, AfterValidator(_birth_date), Field(json_schema_extra={"format": "date"})]


class Address(Body):
    """A postal address; every part is optional."""

    line1: Annotated[FreeText, Field(max_length=200)] | None = None
    line2: Annotated[FreeText, Field(max_length=200)] | None = None
    city: Annotated[FreeText, Field(max_length=100)] | None = None
    state: Annotated[FreeText, Field(max_length=100)] | None = None
    postal_code: Annotated[FreeText, Field(max_length=20)] | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class CreateCustomer(Body):
    """``POST /v1/customers`` and, every field being optional, ``PATCH``."""

    external_customer_id: Annotated[FreeText, Field(min_length=1, max_length=100)] | None = None
    email: Email | None = None
    phone: Phone | None = None
    name: Name | None = None
    address: Address | None = None
    birth_date: BirthDate | None = None
    metadata: Metadata | None = None


class CustomerQuery(ListQuery, CreatedRange):
    """``GET /v1/customers``."""

    email: Annotated[str, Field(max_length=255)] | None = None
    external_customer_id: Annotated[str, Field(max_length=100)] | None = None


class ApiKeyQuery(ListQuery, CreatedRange):
    """``GET /v1/api_keys``."""


class CreateApiKey(Body):
    """``POST /v1/api_keys``."""

    name: Annotated[FreeText, Field(min_length=1, max_length=100)]
    type: Literal["secret", "publishable"]
    permissions: Annotated[list[str], Field(max_length=50)] = Field(default_factory=list)
    expires_at: Annotated[Timestamp, AfterValidator(_future)] | None = None


class RotateApiKey(Body):
    """``POST /v1/api_keys/{id}/rotate``."""

    overlap_seconds: Annotated[int, Field(ge=0, le=OVERLAP_SECONDS_MAX)] = 0


class Nothing(Body):
    """A body that takes no parameters."""
