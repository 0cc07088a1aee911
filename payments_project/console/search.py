"""What was typed into a search box: recognised by its form, then looked up in one index.

A text is one kind of thing or nothing. No search tries several columns at once or looks for parts
of words: on a large table either reads all of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

ID = "id"
EMAIL = "e-mail"
LAST_FOUR = "last four digits"
TOKEN = "pm_ token"  # noqa: S105
API_KEY = "API key"
GATEWAY_ID = "gateway id"
TEXT = "text"

# A lookup gives the conditions of one query, or None when there can be no such row.
Conditions = Mapping[str, Any]
Lookup = str | Callable[[str], Conditions | None]

_CARD_NUMBER = re.compile(r"\d(?:[ -]?\d){11,18}")
_API_KEY = re.compile(r"[sp]k_(?:test|live)_[A-Za-z0-9]{1,40}")
_API_KEY_BEGINS = re.compile(r"[sp]k_(?:test|live)_")
API_KEY_PREFIX_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Term:
    """A recognised text; ``value`` is what columns hold of it."""

    kind: str
    value: str


def looks_like_card_number(text: str) -> bool:
    """Whether somebody pasted a card's number: it is not looked up, stored or shown again."""
    return _CARD_NUMBER.fullmatch(text.strip()) is not None


def cut_api_key(text: str) -> str:
    """``text`` without what opens anything: an API key, whole or mistyped, is cut to its prefix."""
    text = text.strip()
    return text[:API_KEY_PREFIX_CHARACTERS] if _API_KEY_BEGINS.match(text) else text


def recognise(text: str) -> Term | None:
    """What ``text`` is; None for nothing and for a card number.

    An API key is cut to its prefix, so that what is passed on no longer opens anything.
    """
    text = text.strip().replace("\0", "")
    if not text or looks_like_card_number(text):
        return None
    digits = text.lstrip("•·*x. ")
    if re.fullmatch(r"[0-9]{4}", digits):
        return Term(LAST_FOUR, digits)
    try:
        return Term(ID, str(UUID(text)))
    except ValueError:
        pass
    if "@" in text and " " not in text:
        return Term(EMAIL, text)
    if re.fullmatch(r"pm_[A-Za-z0-9]{8,97}", text):
        return Term(TOKEN, text)
    if _API_KEY.fullmatch(text):
        return Term(API_KEY, text[:API_KEY_PREFIX_CHARACTERS])
    if re.fullmatch(r"[a-z]{2,10}_[A-Za-z0-9_]{4,100}", text):
        return Term(GATEWAY_ID, text)
    return Term(TEXT, text)
