"""Amounts in forms: typed as people write them, kept as integers in the smallest unit."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from payments_project.money import exponent

# What a bigint holds, with room for sums.
AMOUNT_MAX = 10**15


class MoneyField(forms.DecimalField):
    """``12.50`` of ``currency`` as 1250 minor units; the form sets the currency of its object.

    More decimals than the currency has are refused, and so is zero. ``is_signed`` allows amounts
    below zero.
    """

    def __init__(self, *, currency: str = "", is_signed: bool = False, **options: Any) -> None:
        options.setdefault("max_digits", 20)
        super().__init__(**options)
        self.currency = currency
        self.is_signed = is_signed

    def take(self, amount: int, currency: str) -> None:
        """Makes the field one of ``currency``, filled with ``amount`` (minor units)."""
        self.currency = currency
        self.label = f"Amount in {currency}"
        self.initial = major_units(amount, currency)

    def clean(self, value: Any) -> Any:
        written = super().clean(value)
        if written is None:
            return None
        return minor_units(written, self.currency, is_signed=self.is_signed)


def minor_units(written: Decimal, currency: str, *, is_signed: bool = False) -> int:
    """An amount in ``currency`` in its smallest unit. Raises ``ValidationError``."""
    digits = exponent(currency)
    scaled = written.scaleb(digits)
    if scaled != scaled.to_integral_value():
        words = f"at most {digits} decimals" if digits else "no decimals"
        raise ValidationError(f"{currency} has {words}.")
    amount = int(scaled)
    if amount == 0 or (amount < 0 and not is_signed):
        raise ValidationError("Must be above zero." if not is_signed else "Must not be zero.")
    if abs(amount) > AMOUNT_MAX:
        raise ValidationError("That is too much.")
    return amount


def major_units(amount: int, currency: str) -> str:
    """``1250`` of USD as ``12.50``: what a form shows for an amount."""
    return f"{Decimal(amount).scaleb(-exponent(currency)):f}"
