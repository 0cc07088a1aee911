"""A search as it stands in the address, which is a link to the same, and what no address may keep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import QueryDict

from analytics.admin.find_payments.form import AMOUNTS, DAYS, FindForm
from payments_project.card_numbers import contains_card_number
from payments_project.console.filters import read_day
from payments_project.console.search import cut_api_key, looks_like_card_number

# Buttons of the form that stand for days: ``2026-01-31..2026-01-31``.
DAYS_BUTTON = "days"
_SEPARATOR = ".."
_WEEKDAYS_BACK = 6
_LONGER = (7, 30)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for: whose payments, and which of them."""

    merchant_id: str
    environment: str
    form: FindForm

    @property
    def whose(self) -> dict[str, str]:
        """The address's parameters for whose payments they are."""
        return {"merchant": self.merchant_id, "environment": self.environment}

    def url(self, **changes: str) -> str:
        """The first page of the same search but for ``changes``; an empty text takes one away."""
        parameters = self.whose | self.form.parameters | changes
        return "?" + urlencode({name: text for name, text in parameters.items() if text})

    def page_url(self, token: str) -> str:
        """A further page of this search."""
        return self.url(page=token)


def without_secrets(query: QueryDict) -> dict[str, str] | None:
    """The parameters without card numbers, of which the last four digits are searched instead, and
    without what opens anything; None where nothing had to be taken out."""
    given = {name: str(query.get(name, "")) for name in query if name != "page"}
    kept = {name: _cut(text) for name, text in given.items() if not _holds_card(text)}
    if kept == given:
        return None
    cards = [text for text in given.values() if looks_like_card_number(text)]
    if cards and not kept.get("last_four"):
        kept["last_four"] = "".join(filter(str.isdigit, cards[0]))[-4:]
    return {name: text for name, text in kept.items() if text}


def _cut(text: str) -> str:
    cut = cut_api_key(text)
    return cut if len(cut) < len(text.strip()) else text


def _holds_card(text: str) -> bool:
    return looks_like_card_number(text) or contains_card_number(text)


def given_of(query: Mapping[str, str]) -> dict[str, str]:
    """What the form is filled with; a button for days takes the place of the days typed."""
    given = {name: str(query.get(name, "")) for name in query}
    first, separator, last = given.get(DAYS_BUTTON, "").partition(_SEPARATOR)
    if separator and read_day(first) and read_day(last):
        given |= dict(zip(DAYS, (first, last), strict=True))
    return given


@dataclass(frozen=True, slots=True)
class DayButton:
    """A day, or several up to today, by one click."""

    words: str
    title: str
    value: str
    is_current: bool


def day_buttons(form: FindForm, *, today: date) -> list[DayButton]:
    """Today, the days of the week before it by name, and longer times."""
    chosen = tuple(form.parameters.get(name, "") for name in DAYS)
    single = [today - timedelta(days=back) for back in range(_WEEKDAYS_BACK + 1)]
    spans = [(_day_words(day, today), f"{day:%A %d %B}", day, day) for day in single]
    for days in _LONGER:
        first = today - timedelta(days=days - 1)
        spans.append((f"{days} days", f"{first:%d %B} to {today:%d %B}", first, today))
    return [
        DayButton(words, title, f"{first}{_SEPARATOR}{last}", chosen == (str(first), str(last)))
        for words, title, first, last in spans
    ]


def _day_words(day: date, today: date) -> str:
    if day == today:
        return "Today"
    return "Yesterday" if day == today - timedelta(days=1) else f"{day:%a %d}"


def chips_of(asked: Asked) -> list[dict[str, str]]:
    """What narrows the search, each with the address of the search without it."""
    form, parameters = asked.form, asked.form.parameters
    chips = []
    for name in _single(parameters):
        words = dict(getattr(form.fields[name].widget, "choices", ())).get(parameters[name])
        chips.append(
            {
                "title": str(form.fields[name].label).lower(),
                "words": words or parameters[name],
                "url": asked.url(**{name: ""}),
            }
        )
    for title, names in (("amount", AMOUNTS[1:]), ("created", DAYS)):
        ends = [parameters.get(name, "") for name in names]
        if any(ends):
            url = asked.url(**dict.fromkeys(names, ""))
            chips.append({"title": title, "words": _range_words(*ends), "url": url})
    return chips


def _single(parameters: Mapping[str, str]) -> Iterable[str]:
    return [name for name in parameters if name not in (*AMOUNTS[1:], *DAYS, "sort")]


def _range_words(first: str, last: str) -> str:
    if first and last:
        return first if first == last else f"{first} to {last}"
    return f"from {first}" if first else f"up to {last}"
