"""Filters of lists, as forms that need no script and never ask the table what it holds.

Each says which parameters it takes, so that no other lookup can be put into an address, and
whether an index helps to find what it asks for.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.admin import ListFilter, ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from payments_project.database.uuid7 import uuid7_floor
from payments_project.money import CURRENCY_CODES, exponent
from payments_project.tenancy import ENVIRONMENTS

_NUMBER = re.compile(r"-?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{0,6})?", re.ASCII)
# Most amounts have two decimals; the others are asked for by name.
_USUAL_EXPONENT = 2
_UNUSUAL_EXPONENTS = {
    digits: tuple(code for code in CURRENCY_CODES if exponent(code) == digits)
    for digits in (0, 3, 4)
}


class ConsoleFilter(ListFilter):
    """A filter that takes ``parameters`` from the address and shows itself by ``template``."""

    parameters: ClassVar[tuple[str, ...]] = ()
    is_indexed: ClassVar[bool] = False
    template = "admin/console/filter.html"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: ModelAdmin,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.parameters:
            if name in params:
                value = params.pop(name)[-1].strip()
                if value:
                    self.used_parameters[name] = value

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """What the template shows; one dictionary per field."""
        raise NotImplementedError

    def select(self, values: Iterable[str], *, words: Callable[[str], str] = str) -> dict[str, Any]:
        """The field of a filter with one parameter: a choice among ``values``, shown as ``words``."""
        (name,) = self.parameters
        chosen = self.used_parameters.get(name)
        return {
            "kind": "select",
            "name": name,
            "label": self.title,
            "options": [(value, words(value), value == chosen) for value in values],
        }

    def summary(self) -> str:
        """What is chosen, in words; empty when nothing is."""
        return ", ".join(self.used_parameters.values())

    @classmethod
    def is_indexed_for(cls, values: Sequence[str]) -> bool:
        """Whether an index finds these values, so that reading needs no other limit."""
        return cls.is_indexed

    def key_range(self) -> dict[str, Any]:
        """Conditions on the primary key, which the list's order helps with."""
        return {}


def choice_filter(
    field: str,
    values: Iterable[str],
    *,
    title: str | None = None,
    indexed: Iterable[str] = (),
) -> type[ConsoleFilter]:
    """A choice among ``values``, which come from code: no DISTINCT over the table finds them.

    ``indexed`` are the values that a (partial) index finds.
    """
    found_by_index = frozenset(indexed)
    options = tuple(values)
    heading = title or field.replace("_", " ")

    class ChoiceFilter(ConsoleFilter):
        title = heading
        parameters = (field,)

        @classmethod
        def is_indexed_for(cls, values: Sequence[str]) -> bool:
            return bool(values) and values[-1] in found_by_index

        def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
            yield self.select(options, words=lambda value: value.replace("_", " "))

        def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
            chosen = self.used_parameters.get(field)
            if chosen is None:
                return queryset
            return queryset.filter(**{field: chosen}) if chosen in options else queryset.none()

    return ChoiceFilter


environment_filter = choice_filter("environment", ENVIRONMENTS)
currency_filter = choice_filter("currency", CURRENCY_CODES)


def flag_filter(
    field: str, *, title: str, words: tuple[str, str] = ("yes", "no"), is_indexed: bool = False
) -> type[ConsoleFilter]:
    """A choice between a column's being set (or true) and not; ``words`` name the two."""

    class FlagFilter(ConsoleFilter):
        parameters = (field,)

        def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
            yield self.select(words)

        def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
            chosen = self.used_parameters.get(field)
            if chosen not in words:
                return queryset if chosen is None else queryset.none()
            is_boolean = queryset.model._meta.get_field(field).get_internal_type() == "BooleanField"
            wanted = chosen == words[0]
            if is_boolean:
                return queryset.filter(**{field: wanted})
            return queryset.filter(**{f"{field}__isnull": not wanted})

    FlagFilter.title = title
    FlagFilter.is_indexed = is_indexed
    return FlagFilter


def read_day(text: str) -> date | None:
    """A day as a form gives it, which the next one is after; None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The day after it has to be one too.
    return day if day < date.max else None


def read_number(text: str) -> Decimal | None:
    """An amount as people write it; None for anything else. A comma is one between thousands: read
    as a decimal one it would find a hundredfold."""
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text.replace(",", ""))
    # One that fits no amount would be refused by the database rather than find nothing.
    return number if abs(number) <= Decimal(10) ** 12 else None


class RangeFilter(ConsoleFilter):
    """A first and a last value, both included. What can't be read finds nothing, and is told so.

    ``kind`` is the template's; ``read`` gives the value that a text stands for, None for none.
    """

    kind: ClassVar[str]
    read: Callable[[str], Any | None]

    def texts(self) -> list[str | None]:
        """What was entered as first and last."""
        return [self.used_parameters.get(name) for name in self.parameters]

    def bounds(self) -> list[Any | None]:
        """What was entered as first and last, read."""
        return [self.read(text) if text else None for text in self.texts()]

    def is_readable(self) -> bool:
        """Whether all that was entered stands for something."""
        return not any(
            text and bound is None for text, bound in zip(self.texts(), self.bounds(), strict=True)
        )

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        for name, label in zip(self.parameters, ("from", "to"), strict=True):
            value = self.used_parameters.get(name, "")
            yield {"kind": self.kind, "name": name, "label": label, "value": value}

    def summary(self) -> str:
        words = _range_words(*self.texts())
        return words if self.is_readable() else f"{words} (not understood)"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return self.within(queryset) if self.is_readable() else queryset.none()

    def within(self, queryset: QuerySet) -> QuerySet:
        """The rows between the bounds."""
        raise NotImplementedError


class CreatedFilter(RangeFilter):
    """Days in UTC, both included, as a range of UUIDv7 keys: whole months are left out at once."""

    title = "created"
    parameters = ("created_from", "created_to")
    is_indexed = True
    kind = "date"
    read = staticmethod(read_day)

    def key_range(self) -> dict[str, Any]:
        first, last = self.bounds()
        conditions: dict[str, Any] = {}
        if first is not None:
            conditions["pk__gte"] = uuid7_floor(_midnight(first))
        if last is not None:
            conditions["pk__lt"] = uuid7_floor(_midnight(last + timedelta(days=1)))
        return conditions

    def within(self, queryset: QuerySet) -> QuerySet:
        return queryset.filter(**self.key_range())


def date_range_filter(field: str, *, title: str, is_indexed: bool = False) -> type[ConsoleFilter]:
    """Days of a date column, both included; ``is_indexed`` where the list is in its order."""

    class DateRangeFilter(RangeFilter):
        parameters = (f"{field}_from", f"{field}_to")
        kind = "date"
        read = staticmethod(read_day)

        def key_range(self) -> dict[str, Any]:
            return self._days() if is_indexed else {}

        def within(self, queryset: QuerySet) -> QuerySet:
            return queryset.filter(**self._days())

        def _days(self) -> dict[str, Any]:
            first, last = self.bounds()
            bounds = {f"{field}__gte": first, f"{field}__lte": last}
            return {lookup: bound for lookup, bound in bounds.items() if bound is not None}

    DateRangeFilter.title = title
    DateRangeFilter.is_indexed = is_indexed
    return DateRangeFilter


class AmountFilter(RangeFilter):
    """Amounts as people write them (25.00), in each row's own currency."""

    title = "amount"
    parameters = ("amount_from", "amount_to")
    kind = "amount"
    read = staticmethod(read_number)

    def within(self, queryset: QuerySet) -> QuerySet:
        least, most = self.bounds()
        if least is None and most is None:
            return queryset
        unusual = [code for codes in _UNUSUAL_EXPONENTS.values() for code in codes]
        condition = ~Q(currency__in=unusual) & _between(least, most, _USUAL_EXPONENT)
        for digits, codes in _UNUSUAL_EXPONENTS.items():
            condition |= Q(currency__in=codes) & _between(least, most, digits)
        return queryset.filter(condition)


def _between(least: Decimal | None, most: Decimal | None, digits: int) -> Q:
    condition = Q()
    if least is not None:
        condition &= Q(amount__gte=int(least.scaleb(digits).to_integral_value()))
    if most is not None:
        condition &= Q(amount__lte=int(most.scaleb(digits).to_integral_value()))
    return condition


def _range_words(first: str | None, last: str | None) -> str:
    if first and last:
        return first if first == last else f"{first} to {last}"
    if first:
        return f"from {first}"
    return f"up to {last}" if last else ""


def _midnight(value: date) -> datetime:
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def active_filters(specs: Sequence[object]) -> list[tuple[str, str, list[str]]]:
    """Title, words and parameters of each filter that is in force."""
    return [
        (str(spec.title), spec.summary(), list(spec.parameters))
        for spec in specs
        if isinstance(spec, ConsoleFilter) and spec.used_parameters
    ]
