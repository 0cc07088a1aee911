"""JSON as text, made the fast way: for what the payment path writes."""

from typing import Any

from pydantic_core import to_json


def json_text(value: Any) -> str:
    """``value`` as compact JSON; ids, dates and decimals as their text, as pydantic writes them.

    Raises ``PydanticSerializationError`` for what is none of JSON's.
    """
    return to_json(value).decode()
