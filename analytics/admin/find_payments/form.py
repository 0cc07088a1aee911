"""What is searched for, as people type it, and as the engines take it."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from analytics.search.query import (
    ASKED_WORDS_MAX,
    FACETS,
    TEXT_LENGTH_MAX,
    Range,
    SearchQuery,
)
from analytics.search.words import asked_words
from payments_project.console.display import BRANDS
from payments_project.console.filters import read_day, read_number
from payments_project.console.money_field import minor_units
from payments_project.database.uuid7 import uuid7_floor
from payments_project.money import CURRENCY_CODES
from payments_project.times import day_start
from transactions import states
from transactions.admin.gateway_names import GATEWAY_NAMES

ROWS = 25
SORT_WORDS = {
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "-amount": "Largest first",
    "amount": "Smallest first",
}
USUAL_SORT = "-created_at"
AMOUNTS = ("amount", "amount_from", "amount_to")
DAYS = ("created_from", "created_to")
# Fields that stand folded away until one of them is used.
FOLDED = ("amount_from", "amount_to", "status", "brand", "gateway", "sort")
# What else of a payment a field is the column of.
_COLUMNS = {"gateway": "gateway_name"}
_EQUAL = ("last_four", "currency", "status", "brand", "gateway")

_WITH_CODE = re.compile(r"(.+?)\s*([A-Za-z]{3})", re.ASCII)


def _text(label: str, length_max: int, **attributes: Any) -> forms.CharField:
    attributes = {"class": "c-input", "autocomplete": "off", **attributes}
    return forms.CharField(
        label=label,
        required=False,
        max_length=length_max,
        widget=forms.TextInput(attrs=attributes),
    )


def _amount(label: str, placeholder: str) -> forms.CharField:
    return _text(label, 30, inputmode="decimal", placeholder=placeholder)


def _choice(label: str, choices: Iterable[tuple[str, str]], any_words: str = "Any") -> Any:
    """A select that also takes what is not in it: a facet may have found it."""
    options = [("", any_words), *choices] if any_words else list(choices)
    widget = forms.Select(attrs={"class": "c-input"}, choices=options)
    return forms.CharField(label=label, required=False, max_length=50, widget=widget)


class FindForm(forms.Form):
    """What is looked for among one merchant's payments; everything is optional.

    Amounts are in ``currency``, which may stand behind one instead (``49.90 EUR``). Days are UTC,
    both included. What can't be read is told at its field.
    """

    q = _text(
        "Words",
        TEXT_LENGTH_MAX,
        placeholder="description, e-mail, order number, gateway id, payment id",
    )
    last_four = _text("Card ending", 20, inputmode="numeric", placeholder="4242")
    amount = _amount("Amount", "49.90 EUR")
    currency = _choice("Currency", [(code, code) for code in CURRENCY_CODES])
    created_from = _text("From", 10, type="date")
    created_to = _text("To", 10, type="date")
    amount_from = _amount("Amount from", "25.00")
    amount_to = _amount("Amount to", "100.00")
    status = _choice("Status", [(state, state.replace("_", " ")) for state in states.STATES])
    brand = _choice("Brand", BRANDS.items())
    gateway = _choice("Gateway", [(name, name) for name in GATEWAY_NAMES])
    sort = _choice("Order", SORT_WORDS.items(), any_words="")

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__({"sort": USUAL_SORT, **given}, auto_id="find_%s")
        for name in ("brand", "gateway"):
            _offer(self.fields[name].widget, given.get(name, ""))

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in (*FOLDED, *DAYS)]

    @property
    def folded_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in FOLDED]

    @property
    def day_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in DAYS]

    @property
    def is_unfolded(self) -> bool:
        """Whether a folded field is used, or wrong."""
        return any(name in self.errors or name in self.parameters for name in FOLDED)

    @property
    def parameters(self) -> dict[str, str]:
        """The address's parameters for what was typed, without those that change nothing."""
        typed = {name: str(self.data.get(name, "")).strip() for name in self.fields}
        return {
            name: text
            for name, text in typed.items()
            if text and (name, text) != ("sort", USUAL_SORT)
        }

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"]
        if len(asked_words(text)) > ASKED_WORDS_MAX:
            raise ValidationError(f"Give {ASKED_WORDS_MAX} words at most.")
        return text

    def clean_last_four(self) -> str:
        digits: str = self.cleaned_data["last_four"].lstrip("•·*x. ")
        if digits and not re.fullmatch(r"[0-9]{4}", digits, re.ASCII):
            raise ValidationError("Give the card's last four digits.")
        return digits

    def clean_currency(self) -> str:
        return _among(self.cleaned_data["currency"].upper(), CURRENCY_CODES, "No such currency.")

    def clean_status(self) -> str:
        return _among(self.cleaned_data["status"], states.STATES, "No such status.")

    def clean_sort(self) -> str:
        return _among(self.cleaned_data["sort"], SORT_WORDS, "No such order.") or USUAL_SORT

    def clean_created_from(self) -> date | None:
        return _day(self.cleaned_data["created_from"])

    def clean_created_to(self) -> date | None:
        return _day(self.cleaned_data["created_to"])

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        for read in (self._take_currency, self._minor):
            for name in AMOUNTS:
                try:
                    if name in values:
                        values[name] = read(values[name])
                except ValidationError as error:
                    self.add_error(name, error)
        self._check_ranges()
        return values

    def _take_currency(self, text: str) -> str:
        """An amount without the currency behind it, which becomes that of the whole search."""
        with_code = _WITH_CODE.fullmatch(text)
        if with_code is None:
            return text
        chosen, code = self.cleaned_data.get("currency", ""), with_code[2].upper()
        if code not in CURRENCY_CODES:
            raise ValidationError(f"{code} is no currency.")
        if chosen and chosen != code:
            raise ValidationError(f"The currency chosen is {chosen}.")
        self.cleaned_data["currency"] = code
        return with_code[1]

    def _minor(self, text: str) -> int | None:
        """An amount in minor units of the currency; None for none."""
        if not text:
            return None
        number = read_number(text)
        if number is None or number < 0:
            raise ValidationError("That is no amount: write it as 49.90 or 1,250.00.")
        currency = self.cleaned_data.get("currency")
        if not currency:
            raise ValidationError("Choose its currency, or write it as 49.90 EUR.")
        return minor_units(number, currency) if number else 0

    def _check_ranges(self) -> None:
        exact, least, most = (self.cleaned_data.get(name) for name in AMOUNTS)
        if exact is not None and (least is not None or most is not None):
            self.add_error("amount", "Give one amount, or a range: not both.")
        if least is not None and most is not None and least > most:
            self.add_error("amount_to", "Must be the larger of the two.")
        first, last = (self.cleaned_data.get(name) for name in DAYS)
        if first and last and first > last:
            self.add_error("created_to", "Must be the later of the two.")

    def search_query(self) -> SearchQuery:
        """What a valid form asks for."""
        values = self.cleaned_data
        exact, least, most = (values[name] for name in AMOUNTS)
        least, most = (least, most) if exact is None else (exact, exact)
        first, last = (values[name] for name in DAYS)
        return SearchQuery(
            words=asked_words(values["q"]) if values["q"] else None,
            equal={_COLUMNS.get(name, name): values[name] for name in _EQUAL if values[name]},
            amount=Range(least, None if most is None else most + 1),
            created=Range(
                uuid7_floor(day_start(first)) if first else None,
                uuid7_floor(day_start(last + timedelta(days=1))) if last else None,
            ),
            sort=values["sort"],
            limit=ROWS,
            facets=FACETS,
        )


def _offer(widget: Any, value: str) -> None:
    if value and value not in dict(widget.choices):
        widget.choices = [*widget.choices, (value, value)]


def _among(value: str, known: Iterable[str], wrong: str) -> str:
    if value and value not in known:
        raise ValidationError(wrong)
    return value


def _day(text: str) -> date | None:
    if not text:
        return None
    day = read_day(text)
    if day is None:
        raise ValidationError("That is no day: write it as 2026-01-31.")
    return day
