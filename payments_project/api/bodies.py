"""Request bodies: pydantic models in strict mode, and the kinds of fields that they share.

Nothing is coerced, nothing unknown is ignored, and no message repeats what was sent.
"""

import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from iso4217 import Currency as IsoCurrency
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from stdnum import luhn

from payments_project.errors import FieldError, InvalidInput
from payments_project.metadata import PAIRS_MAX

AMOUNT_MAX = 99_999_999_999
# Codes of iso4217 that are no money to pay with: metals, funds, bond units, tests, none.
_NOT_MONEY = frozenset(
    [
        "BOV",
        "CHE",
        "CHW",
        "CLF",
        "COU",
        "MXV",
        "USN",
        "UYI",
        "UYW",
        "XAD",
        "XAG",
        "XAU",
        "XBA",
        "XBB",
        "XBC",
        "XBD",
        "XDR",
        "XPD",
        "XPT",
        "XSU",
        "XTS",
        "XUA",
        "XXX",
    ]
)
CURRENCIES = frozenset(item.code for item in IsoCurrency) - _NOT_MONEY

# Digits as a person types a card number: 13 to 19 of them, in groups or not, starting as an
# issuer's do (ISO/IEC 7812: 2 to 6 are the card networks').
_CARD_NUMBER = re.compile(r"(?<!\d)[2-6](?:[ -]?\d){12,18}(?!\d)")


_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}")
_LONG_NUMBER = re.compile(r"\d{8}")


class Body(BaseModel):
    """A request's body. Unknown fields are refused; values must have their JSON type."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False
    )


Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], content: dict[str, Any]) -> Model:
    """``content`` as ``model``. Raises ``InvalidInput`` naming every field at fault."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise invalid_input(
            error.errors(include_url=False, include_context=False, include_input=False)
        ) from None


def invalid_input(details: list[ErrorDetails]) -> InvalidInput:
    """Pydantic's findings as one error: the first field's, and the list of all."""
    errors = []
    seen: set[str] = set()
    for detail in details:
        param = ".".join(shown_name(part) for part in detail["loc"] if not _is_type_name(part))
        if param not in seen:
            seen.add(param)
            errors.append(FieldError(param, _code(detail["type"]), _message(detail)))
    first = errors[0]
    return InvalidInput(
        f"{first.param}: {first.message}" if first.param else first.message,
        param=first.param or None,
        code=first.code,
        errors=errors if len(errors) > 1 else (),
    )


def shown_name(name: object) -> str:
    """A parameter's name for an answer: one that the caller made up is not repeated if it could
    hold a card number."""
    text = str(name)
    return text if _PLAIN_NAME.fullmatch(text) and not _LONG_NUMBER.search(text) else "(hidden)"


def contains_card_number(text: str) -> bool:
    """Whether a card number stands in ``text``: an issuer's first digit, length and Luhn."""
    if len(text) < 13:
        return False
    return any(
        luhn.is_valid(re.sub(r"[ -]", "", match.group())) for match in _CARD_NUMBER.finditer(text)
    )


OWN_CODES = frozenset({"amount_too_large", "currency_not_supported", "resource_missing"})


def _code(kind: str) -> str:
    if kind in OWN_CODES:
        return kind
    if kind == "missing":
        return "parameter_missing"
    return "unknown_parameter" if kind == "extra_forbidden" else "parameter_invalid"


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "This parameter is required."
    if detail["type"] == "extra_forbidden":
        return "There is no such parameter."
    return detail["msg"].removeprefix("Value error, ")


def _is_type_name(part: Any) -> bool:
    # Members of a union and of a wrapped validator add their own names to the path.
    return isinstance(part, str) and part.endswith("]") and "[" in part and "-" in part


def _amount(value: int) -> int:
    if value > AMOUNT_MAX:
        raise PydanticCustomError(
            "amount_too_large", "The amount is too large; the most is 99999999999."
        )
    if value < 1:
        raise PydanticCustomError("amount_too_small", "The amount must be at least 1.")
    return value


def _currency(value: str) -> str:
    code = value.upper() if len(value) == 3 and value.isascii() else ""
    if code not in CURRENCIES:
        raise PydanticCustomError(
            "currency_not_supported", "Not an active ISO 4217 currency that can be paid with."
        )
    return code


def free_text(value: str) -> str:
    """``value``, for a validator. Raises where a card number stands in it."""
    if contains_card_number(value):
        raise PydanticCustomError("card_number", "A card number must not be sent in this field.")
    return value


def _metadata(value: dict[str, str]) -> dict[str, str]:
    if len(value) > PAIRS_MAX:
        raise PydanticCustomError("too_many", "Metadata holds at most 50 pairs.")
    for key, text in value.items():
        if not key or len(key) > 40:
            raise PydanticCustomError("key_length", "A metadata key has 1 to 40 characters.")
        if len(text) > 500:
            raise PydanticCustomError("value_length", "A metadata value has at most 500.")
        if contains_card_number(text) or contains_card_number(key):
            raise PydanticCustomError(
                "card_number", "A card number must not be sent in this field."
            )
    return value


def _id(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    try:
        if len(value) != 36:
            raise ValueError
        return UUID(value)
    except ValueError:
        raise PydanticCustomError("resource_missing", "No such object.") from None


def _timestamp(value: Any) -> Any:
    """RFC 3339 with an offset; a bare date-time is nobody's time."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or len(value) < 20:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "timestamp", "Not an RFC 3339 time with its offset, such as 2026-01-31T12:00:00Z."
        ) from None


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise PydanticCustomError("ip_address", "Not an IP address.") from None


def _email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not (at and local and "." in domain) or any(c.isspace() or ord(c) < 32 for c in value):
        raise PydanticCustomError("email", "Not an e-mail address.")
    return free_text(value)


Amount = Annotated[
    int,
    AfterValidator(_amount),
    Field(json_schema_extra={"minimum": 1, "maximum": AMOUNT_MAX, "format": "int64"}),
]
Currency = Annotated[
    str, AfterValidator(_currency), Field(json_schema_extra={"minLength": 3, "maxLength": 3})
]
FreeText = Annotated[str, AfterValidator(free_text)]
Metadata = Annotated[
    dict[str, str],
    AfterValidator(_metadata),
    Field(json_schema_extra={"maxProperties": PAIRS_MAX}),
]
Id = Annotated[UUID, BeforeValidator(_id, json_schema_input_type=str)]
Timestamp = Annotated[datetime, BeforeValidator(_timestamp, json_schema_input_type=str)]
IpAddress = Annotated[str, AfterValidator(_ip_address), Field(json_schema_extra={"format": "ip"})]
Email = Annotated[
    str, Field(max_length=255, json_schema_extra={"format": "email"}), AfterValidator(_email)
]
