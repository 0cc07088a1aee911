"""Request bodies: pydantic models in strict mode, and the kinds of fields that they share.

Nothing is coerced, nothing unknown is ignored, and no message repeats what was sent.
"""

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from django.core.validators import EmailValidator
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from payments_project.card_numbers import contains_card_number
from payments_project.errors import FieldError, InvalidInput
from payments_project.metadata import PAIRS_MAX
from payments_project.money import ACTIVE_CURRENCIES

AMOUNT_MAX = 99_999_999_999

# RFC 3339, section 5.6. Python's own parser takes the rest of ISO 8601 too: weeks, basic forms.
_RFC_3339 = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<minute>\d\d:\d\d):(?P<second>\d\d)(?P<fraction>\.\d+)?"
    r"(?P<offset>Z|[+-]\d\d:\d\d)",
    re.ASCII,
)
# RFC 5322's "dot-atom", with RFC 6531's letters; a quoted local part is nobody's any more.
_LOCAL_PART = re.compile(r"(?!\.)(?!.*\.\.)(?!.*\.$)[\w.!#$%&'*+/=?^`{|}~-]+")
_domains = EmailValidator(allowlist=())
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
        raise invalid_input(error.errors(include_url=False, include_input=False)) from None


def invalid_input(details: list[ErrorDetails]) -> InvalidInput:
    """Pydantic's findings as one error: the first field's, and the list of all."""
    errors = []
    seen: set[str] = set()
    for detail in details:
        param = _path(detail["loc"])
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


def _path(location: tuple[int | str, ...]) -> str:
    """Where a field at fault stands: ``card.number``, ``enabled_events[0]``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _is_type_name(part):
            path += f".{shown_name(part)}" if path else shown_name(part)
    return path


def shown_name(name: object) -> str:
    """A parameter's name for an answer: one that the caller made up is not repeated if it could
    hold a card number."""
    text = str(name)
    return text if _PLAIN_NAME.fullmatch(text) and not _LONG_NUMBER.search(text) else "(hidden)"


OWN_CODES = frozenset({"amount_too_large", "currency_not_supported", "resource_missing"})


def _code(kind: str) -> str:
    if kind in OWN_CODES:
        return kind
    if kind == "missing":
        return "parameter_missing"
    return "unknown_parameter" if kind == "extra_forbidden" else "parameter_invalid"


# What pydantic finds, by its name for it, in words of the API's; none repeats what was sent.
_MESSAGES = {
    "missing": "This parameter is required.",
    "extra_forbidden": "There is no such parameter.",
    "string_type": "Must be a string.",
    "int_type": "Must be an integer.",
    "bool_type": "Must be true or false.",
    "list_type": "Must be a list.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
    "literal_error": "Must be {expected}.",
    "string_pattern_mismatch": "Must match {pattern}.",
    "string_too_short": "Must have at least {min_length} characters.",
    "string_too_long": "Must have at most {max_length} characters.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than_equal": "Must be at most {le}.",
}


def _message(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("too_short", "too_long") and context.get("field_type") == "Value":
        # Of a text that was validated before its length was.
        kind = f"string_{kind}"
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(**context)
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
    if code not in ACTIVE_CURRENCIES:
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
        raise PydanticCustomError("string_type", "Must be a string.")
    try:
        if len(value) != 36:
            raise ValueError
        return UUID(value)
    except ValueError:
        raise PydanticCustomError("resource_missing", "No such object.") from None


def _timestamp(value: Any) -> Any:
    """RFC 3339 with an offset; a bare date-time is nobody's time. A leap second, which no clock of
    ours has, is the next one's beginning."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Must be a string.")
    try:
        parts = _RFC_3339.fullmatch(value.upper())
        if parts is None:
            raise ValueError
        leap = parts["second"] == "60"
        second = "59" if leap else parts["second"]
        fraction = (parts["fraction"] or "")[:7]
        moment = datetime.fromisoformat(
            f"{parts['date']}T{parts['minute']}:{second}{fraction}{parts['offset']}"
        ).astimezone(UTC)
        return moment.replace(microsecond=0) + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "timestamp", "Not an RFC 3339 time with its offset, such as 2026-01-31T12:00:00Z."
        ) from None


def _ip_address(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
        # A zone means something on one host only, and PostgreSQL's inet has none.
        if getattr(address, "scope_id", None):
            raise ValueError
        return str(address)
    except ValueError:
        raise PydanticCustomError("ip_address", "Not an IP address.") from None


def _email(value: str) -> str:
    """An address, with letters of any script before the ``@`` too (RFC 6531)."""
    local, _, domain = value.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or not _domains.validate_domain_part(domain):
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
