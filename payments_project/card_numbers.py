"""Card numbers where none belong: in texts that others write."""

import re
from collections.abc import Iterator, Sequence

from stdnum import luhn

# Digits as a person types a card number: in groups or not, with spaces (those that keep a line
# together too) or dashes between them. Other numbers may stand before it and behind it.
_DIGITS = re.compile(r"\d+(?:[ \u00a0\u2007\u2009\u202f-]\d+)*", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
# ISO/IEC 7812: 13 to 19 digits, of which the card networks' first are 2 to 6.
_LENGTHS = range(13, 20)
_FIRST = frozenset("23456")
# A UUID, or a hash in hexadecimal.
_IDENTIFIER = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[0-9]*[a-f])[0-9a-f]{20,64}\b",
    re.IGNORECASE | re.ASCII,
)


def contains_card_number(text: str) -> bool:
    """Whether a card number stands in ``text``: an issuer's first digit, length and Luhn.

    Of the digits of a UUID, or of a hexadecimal hash, some would pass now and then, and no caller
    could help it: such words are passed over.
    """
    if len(text) < _LENGTHS.start:
        return False
    return next(_card_numbers(_IDENTIFIER.sub(" x ", text)), None) is not None


def mask_card_numbers(text: str) -> str:
    """``text`` with what may be a card number left out, whatever it is a part of."""
    if len(text) < _LENGTHS.start:
        return text
    parts, end = [], 0
    for start, stop in _card_numbers(text):
        parts += [text[end:start], "[card number]"]
        end = stop
    return "".join([*parts, text[end:]])


def _card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in ``text``, none within another: each is one or more whole groups
    of digits."""
    for run in _DIGITS.finditer(text):
        groups = [
            (run.start() + group.start(), group.group()) for group in _GROUP.finditer(run.group())
        ]
        first = 0
        while first < len(groups):
            count = _groups_of_number([digits for _, digits in groups[first:]])
            if count:
                last, digits = groups[first + count - 1]
                yield groups[first][0], last + len(digits)
            first += count or 1


def _groups_of_number(groups: Sequence[str]) -> int:
    """How many of the groups, from the first on, are a card number; 0 if none are."""
    digits = ""
    if groups[0][0] not in _FIRST:
        return 0
    for count, group in enumerate(groups, start=1):
        digits += group
        if len(digits) >= _LENGTHS.stop:
            return 0
        if len(digits) in _LENGTHS and luhn.is_valid(digits):
            return count
    return 0
