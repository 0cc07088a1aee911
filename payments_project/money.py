"""Amounts for people: integers in a currency's smallest unit, written as money.

Exponents are ISO 4217's (the ``iso4217`` package). Babel's own digits are CLDR's, which follow
custom rather than the standard (no decimals for IQD, where ISO 4217 has three), so it is told how
many to print.
"""

import re
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_compact_currency, format_currency
from iso4217 import Currency

# Codes that ISO 4217 has withdrawn and that a payment or its late refund may still carry.
_WITHDRAWN = {
    "ANG": 2, "BGN": 2, "BYR": 0, "CUC": 2, "CYP": 2, "EEK": 2, "HRK": 2, "LTL": 2, "LVL": 2,
    "MRO": 2, "MTL": 2, "SIT": 2, "SKK": 2, "SLL": 2, "STD": 2, "TMM": 2, "VEF": 2, "ZMK": 2,
    "ZWL": 2,
}  # fmt: skip

# Metals, bond units, the test code and "no currency" have no smallest unit to count an amount in.
_ACTIVE = {
    str(currency.code): int(currency.exponent)
    for currency in Currency
    if currency.exponent is not None
}
_EXPONENTS: dict[str, int] = _WITHDRAWN | _ACTIVE

_CODE_BEFORE_DIGIT = re.compile(r"([A-Z])([0-9])")

# What can be paid in.
ACTIVE_CURRENCIES = frozenset(_ACTIVE)
# What amounts can be in, for lists of choices.
CURRENCY_CODES = tuple(sorted(_EXPONENTS))


def exponent(currency: str) -> int:
    """How many decimals a currency's smallest unit stands for: 2 for USD, 0 for JPY, 3 for KWD.

    Withdrawn codes are known too. Raises ``ValueError`` for anything that is no currency.
    """
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise ValueError(f"no currency of ISO 4217: {currency!r}") from None


def format_amount(amount: int, currency: str) -> str:
    """``-1234`` and ``"USD"`` as ``-$12.34``; a code that no one knows keeps its minor units.

    Never fails, since it shows what is stored, whatever that is.
    """
    if currency not in _EXPONENTS:
        return f"{amount:,} {currency} (minor units)"
    digits = _EXPONENTS[currency]
    text = format_currency(
        Decimal(amount).scaleb(-digits),
        currency,
        format=_pattern(digits),
        locale="en_US",
        currency_digits=False,
    )
    # A currency without a symbol is shown by its code, which must not run into the number.
    return _CODE_BEFORE_DIGIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)


def format_compact(amount: int, currency: str) -> str:
    """``1_250_000`` and ``"USD"`` as ``$12.5K``: two decimals at most, for the scale of a chart."""
    if currency not in _EXPONENTS:
        return f"{amount:,}"
    value = Decimal(amount).scaleb(-_EXPONENTS[currency])
    text = format_compact_currency(value, currency, locale="en_US", fraction_digits=2)
    return _CODE_BEFORE_DIGIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)


@lru_cache(maxsize=8)
def _pattern(digits: int) -> str:
    return "¤#,##0" + ("." + "0" * digits if digits else "")
