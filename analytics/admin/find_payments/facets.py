"""What was found, counted: links that narrow the search further."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from analytics.admin.find_payments.asked import Asked
from analytics.search.query import AMOUNT, AMOUNT_STEPS
from payments_project.console import display
from payments_project.console.charts import Bar, Chart, drawn, money_tick
from payments_project.console.money_field import major_units
from payments_project.money import CURRENCY_CODES, format_amount

TITLES = {"status": "Status", "currency": "Currency", "brand": "Brand", "gateway": "Gateway"}
# So many values stand there at once, the others folded away.
SHOWN = 6

Counts = Sequence[tuple[Any, int]]


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value: what it is called, how many have it, and the search for those alone; of the one
    that is searched for, the search without it."""

    words: SafeString | str
    count: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one column, the commonest first."""

    title: str
    values: Sequence[FacetValue]

    @property
    def first(self) -> Sequence[FacetValue]:
        return self.values[:SHOWN]

    @property
    def others(self) -> Sequence[FacetValue]:
        return self.values[SHOWN:]


def facets_of(asked: Asked, counts: Mapping[str, Counts]) -> list[Facet]:
    """Those that have anything to choose."""
    return [
        Facet(title, [_value(asked, name, value, count) for value, count in counts[name]])
        for name, title in TITLES.items()
        if counts.get(name)
    ]


def _value(asked: Asked, name: str, value: str, count: int) -> FacetValue:
    is_chosen = asked.form.parameters.get(name) == value
    url = asked.url(**{name: "" if is_chosen else value})
    return FacetValue(_words(name, value), f"{count:,}", url, is_chosen)


def _words(name: str, value: str) -> SafeString | str:
    if name == "status":
        return display.badge(value)
    return display.BRANDS.get(value, value) if name == "brand" else value


def amounts_chart(asked: Asked, counts: Mapping[str, Counts]) -> dict[str, Any] | None:
    """How many payments there are of which amounts; of one currency alone, since steps of several
    have nothing in common. None where nothing was found."""
    found = dict(counts.get(AMOUNT, ()))
    currencies = [code for code, _ in counts.get("currency", ())]
    if not found:
        return None
    if len(currencies) != 1 or currencies[0] not in CURRENCY_CODES:
        empty = "Choose a currency to see how amounts are spread."
        return drawn(Chart(title="Amounts", bars=(), empty=empty))
    (currency,) = currencies
    tick = money_tick(currency)
    steps = [step for step in AMOUNT_STEPS if min(found) <= step <= max(found)]
    return drawn(
        Chart(
            title=f"Amounts in {currency}",
            bars=[
                Bar(
                    tick(step),
                    f"{_range_words(step, currency)}: {found.get(step, 0):,} payments",
                    (found.get(step, 0),),
                    url=_range_url(asked, step, currency) if found.get(step) else "",
                )
                for step in steps
            ],
        )
    )


def _end(step: int) -> int | None:
    """Where the next step begins."""
    place = AMOUNT_STEPS.index(step) + 1
    return AMOUNT_STEPS[place] if place < len(AMOUNT_STEPS) else None


def _range_words(step: int, currency: str) -> str:
    first, end = format_amount(step, currency), _end(step)
    if end is None:
        return f"from {first}"
    return f"{first} to {format_amount(end - 1, currency)}"


def _range_url(asked: Asked, step: int, currency: str) -> str:
    end = _end(step)
    return asked.url(
        amount="",
        amount_from=major_units(step, currency),
        amount_to="" if end is None else major_units(end - 1, currency),
        currency=currency,
    )
