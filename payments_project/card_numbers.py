"""Card numbers where none belong: in texts that others write."""

import re

from stdnum import luhn

# Digits as a person types a card number: 13 to 19 of them, in groups or not, starting as an
# issuer's do (ISO/IEC 7812: 2 to 6 are the card networks').
_CARD_NUMBER = re.compile(r"(?<!\d)[2-6](?:[ -]?\d){12,18}(?!\d)")
# A UUID, or a hash in hexadecimal.
_IDENTIFIER = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[0-9]*[a-f])[0-9a-f]{20,64}\b",
    re.IGNORECASE | re.ASCII,
)
_SHORTEST = 13


def contains_card_number(text: str) -> bool:
    """Whether a card number stands in ``text``: an issuer's first digit, length and Luhn.

    Of the digits of a UUID, or of a hexadecimal hash, some would pass now and then, and no caller
    could help it: such words are passed over.
    """
    if len(text) < _SHORTEST:
        return False
    return any(map(_is_valid, _CARD_NUMBER.finditer(_IDENTIFIER.sub(" x ", text))))


def mask_card_numbers(text: str) -> str:
    """``text`` with what may be a card number left out, whatever it is a part of."""
    if len(text) < _SHORTEST:
        return text
    return _CARD_NUMBER.sub(
        lambda match: "[card number]" if _is_valid(match) else match.group(), text
    )


def _is_valid(match: re.Match[str]) -> bool:
    return bool(luhn.is_valid(re.sub(r"[ -]", "", match.group())))
