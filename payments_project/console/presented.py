"""How a model's fields and an admin's methods are shown: one way for each type of value."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import unescape
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from payments_project.console import display
from payments_project.console.names import NAMED_IDS, name_of

Cell = SafeString | str

_LONG_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")


class Presented:
    """Mixed into a model's admin: cells of lists and facts of pages from names of fields."""

    opts: Any
    get_fieldsets: Any

    # How fields are shown, where their type does not say it.
    money: ClassVar[Sequence[str]] = ()
    badges: ClassVar[Sequence[str]] = ("status", "risk_level")
    codes: ClassVar[Sequence[str]] = ()
    labels: ClassVar[Mapping[str, str]] = {}
    # Never shown, whoever asks: secrets and what is encrypted. Not even read for lists and pages.
    hidden: ClassVar[Sequence[str]] = ()

    def show(self, instance: models.Model, name: str) -> Cell:
        """A field or a method of this admin as staff read it."""
        field = self._field(name)
        if field is None:
            value = getattr(self, name)(instance)
            return display.EMPTY if value in (None, "") else value
        value = getattr(instance, field.attname)
        if value is None or value == "":
            return display.EMPTY
        if field.name in self.money:
            return display.money(value, self.currency_of(instance))
        if field.name == "environment":
            return display.environment_badge(value)
        if field.name in self.badges:
            return display.badge(value)
        if field.attname in NAMED_IDS:
            label = NAMED_IDS[field.attname].label
            return display.object_link(label, value, name_of(instance, field.attname))
        return self._by_type(field, value)

    def currency_of(self, instance: models.Model) -> str:
        """The currency of the row's amounts."""
        return str(instance.currency)  # type: ignore[attr-defined]

    def label(self, name: str) -> str:
        """What a field or method is called, in headings and beside facts."""
        if name in self.labels:
            return self.labels[name]
        field = self._field(name)
        if field is not None:
            return _heading(str(field.verbose_name))
        return str(getattr(getattr(self, name), "short_description", None) or _heading(name))

    def column(self, name: str) -> Callable[[Any], Cell]:
        """A column of a list, as Django takes it."""

        def cell(instance: models.Model) -> Cell:
            return self.show(instance, name)

        cell.__name__ = name
        heading = "Env" if name == "environment" else self.label(name)
        cell.short_description = heading  # type: ignore[attr-defined]
        return cell

    def columns_of(self, names: Iterable[str]) -> list[str]:
        """The database columns among ``names``, for looking up what their ids are called."""
        fields = (self._field(name) for name in names)
        return [field.attname for field in fields if field is not None]

    def headline(self, instance: models.Model) -> Cell:
        """What stands at the top of an object's page."""
        return str(instance)

    def crumb(self, instance: models.Model) -> str:
        """The object in the line at the top of its page: its headline, ids cut to their ends."""
        text = self.headline(instance)
        if isinstance(text, SafeString):
            text = unescape(strip_tags(text.replace("<", " <")))
        text = " ".join(text.split())
        return _LONG_ID.sub(lambda found: f"…{found[0][-8:]}", text)

    def found_as(self, instance: models.Model) -> str:
        """The object in one line of plain text, where a search has found it."""
        return str(instance)

    def badges_of(self, instance: models.Model) -> list[Cell]:
        """What stands beside the headline: state and environment, where the model has them."""
        names = ("status", "environment")
        return [self.show(instance, name) for name in names if self._field(name) is not None]

    def facts_of(
        self, request: HttpRequest, instance: models.Model
    ) -> list[tuple[str | None, list[dict[str, Any]]]]:
        """The fieldsets as titles with labelled values; what is empty is shown as such."""
        return [
            (
                title,
                [
                    {"label": self.label(name), "value": self.show(instance, name), "name": name}
                    for name in options["fields"]
                    if name not in self.hidden
                ],
            )
            for title, options in self.get_fieldsets(request, instance)
        ]

    def _field(self, name: str) -> Any:
        """A field by its name or its column's; None for a method."""
        try:
            return self.opts.get_field(name)
        except FieldDoesNotExist:
            return None

    def _by_type(self, field: Any, value: Any) -> Cell:
        if isinstance(field, models.GeneratedField):
            field = field.output_field
        if field.is_relation:
            return display.object_link(field.related_model._meta.label, value)
        if isinstance(field, models.DateTimeField):
            return display.moment(value)
        if isinstance(field, models.DateField):
            return display.day(value)
        if isinstance(field, models.BooleanField):
            return display.boolean(value)
        if isinstance(field, models.JSONField):
            return display.pretty_json(value)
        is_code = isinstance(field, models.UUIDField) or field.primary_key
        if is_code or getattr(field, "name", "") in self.codes:
            return display.code(value)
        return f"{value:,}" if isinstance(value, int) else str(value)


def _heading(name: str) -> str:
    words = name.replace("_", " ")
    return capfirst("ID" if words == "id" else words)
