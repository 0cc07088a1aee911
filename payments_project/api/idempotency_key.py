"""The ``Idempotency-Key`` header."""

import re

from django.http import HttpRequest

from payments_project.card_numbers import contains_card_number

HEADER = "HTTP_IDEMPOTENCY_KEY"

# A card number within a key: digits in one run, or in the groups that cards show, with no letter or
# digit beside them. Other groups are not joined: a UUID's, where they happen to hold digits alone,
# would make a card number now and then, and no client could help it.
_CARD_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])"
    r"(?:[0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{4}){3}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})"
    r"(?![0-9A-Za-z])"
)


def idempotency_key_of(request: HttpRequest) -> str | None:
    """The key as sent, if it may be recorded: printable ASCII, and no card number."""
    key = request.META.get(HEADER)
    return key if key and is_valid_key(key) else None


def is_valid_key(key: str) -> bool:
    """Whether a key is one that we keep."""
    return (
        0 < len(key) <= 255 and key.isascii() and key.isprintable() and not _holds_card_number(key)
    )


def _holds_card_number(key: str) -> bool:
    """Whether a card number is the key, however grouped, or stands in it; of no UUID."""
    if len(key) < 13:
        return False
    digits = key.replace("-", "").replace(" ", "")
    if digits.isdigit() and len(digits) <= 19 and contains_card_number(digits):
        return True
    return any(contains_card_number(match.group()) for match in _CARD_NUMBER.finditer(key))
