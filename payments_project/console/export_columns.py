"""The columns of a list's CSV file, as SQL expressions that give the text of each cell.

The database writes the whole file (``COPY``), so what makes a cell safe and exact is SQL too:
amounts as minor units and as decimals of their currency, times as RFC 3339 in UTC, and no text that
a spreadsheet would take for a formula.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import models
from django.db.models import Case, F, Func, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast
from django_cryptography.fields import EncryptedMixin

from payments_project.console.names import NAMED_IDS
from payments_project.csv_files import FORMULA_STARTS, SKIPPED
from payments_project.money import CURRENCY_CODES, exponent

_CODES_BY_EXPONENT = {
    digits: [code for code in CURRENCY_CODES if exponent(code) == digits]
    for digits in sorted({exponent(code) for code in CURRENCY_CODES})
}

# In no file, whatever an admin declares.
_NEVER = frozenset({"password"})

# As a literal of SQL.
_SKIPPED = SKIPPED.replace("'", "''")
_PLAIN = (
    # A number calculates nothing.
    "CASE WHEN %(expressions)s ~ '^[+-]?[0-9]+([.][0-9]+)?$' THEN %(expressions)s ELSE"
    " regexp_replace(regexp_replace(%(expressions)s,"
    f" '^(?=[\\t\\r\\n]|{_SKIPPED}{FORMULA_STARTS})', ''''),"
    f" '([;\\t\\r\\n]{_SKIPPED})({FORMULA_STARTS})', '\\1''\\2', 'g') END"
)


class PlainText(Func):
    """A text that no spreadsheet calculates: ``csv_files.plain_text`` in SQL."""

    template = _PLAIN
    output_field = TextField()

    def as_sql(self, *arguments: Any, **context: Any) -> tuple[str, Any]:
        """As Django's, with the values of the text as often as the template has it."""
        statement, values = super().as_sql(*arguments, **context)
        return statement, tuple(values) * _PLAIN.count("%(expressions)s")


class UtcTime(Func):
    """A time as RFC 3339, to the microsecond: ``2026-11-26T16:45:00.123456Z``."""

    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    output_field = TextField()


class Day(Func):
    """A date as ISO 8601 has it."""

    template = "to_char(%(expressions)s, 'YYYY-MM-DD')"
    output_field = TextField()


class Words(Func):
    """The elements of an array, separated by blanks."""

    template = "array_to_string(%(expressions)s, ' ')"
    output_field = TextField()


class Major(Func):
    """Minor units as a decimal number of so many digits."""

    output_field = TextField()

    def __init__(self, expression: F, digits: int) -> None:
        # A quotient of numeric has more digits than the currency; round gives exactly those.
        quotient = f"%(expressions)s::numeric / {10**digits}"
        super().__init__(expression, template=f"round({quotient}, {digits})::text")


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column's heading and the expression of its cells, each a text."""

    heading: str
    expression: Any


def export_columns(model_admin: Any) -> list[ExportColumn]:
    """The columns that the admin declares (``export_fields``), an amount's decimal beside it.

    Raises ``ImproperlyConfigured`` for a field that is hidden, encrypted or binary, and where the
    list's own order does not come first, by which the file is read on.
    """
    names = list(model_admin.export_fields)
    options = model_admin.opts
    order = [name.lstrip("-") for name in model_admin.ordering]
    order = [options.pk.name if name == "pk" else name for name in order]
    if names[: len(order)] != order:
        raise ImproperlyConfigured(f"{options.label}: its export begins with {order}")
    return [column for name in names for column in _columns(model_admin, name)]


def _columns(model_admin: Any, name: str) -> Iterator[ExportColumn]:
    options = model_admin.opts
    if name == "currency" != model_admin.export_currency:
        yield ExportColumn(name, F(model_admin.export_currency))
        return
    try:
        field = options.get_field(name)
    except FieldDoesNotExist:
        yield _name_column(options, name)
        return
    is_secret = bool({name, field.attname} & {*model_admin.hidden, *_NEVER})
    if is_secret or isinstance(field, models.BinaryField | EncryptedMixin):
        raise ImproperlyConfigured(f"{options.label}.{name} is in no file")
    yield ExportColumn(field.attname, _text_of(field))
    if name in model_admin.money:
        yield ExportColumn(
            f"{name}_decimal", _decimal(F(field.attname), model_admin.export_currency)
        )


def _name_column(options: Any, name: str) -> ExportColumn:
    """``merchant_name``: what the id of ``merchant_id`` is called."""
    column = f"{name.removesuffix('_name')}_id"
    named = NAMED_IDS.get(column)
    has_column = column in {field.attname for field in options.concrete_fields}
    if not name.endswith("_name") or named is None or named.name_field is None or not has_column:
        raise ImproperlyConfigured(f"{options.label} has no field {name}")
    model: Any = apps.get_model(named.label)
    rows = model.objects.filter(pk=OuterRef(column))
    plain = PlainText(Cast(F(named.name_field), TextField()))
    return ExportColumn(name, Subquery(rows.annotate(plain=plain).values("plain")[:1]))


def _text_of(field: Any) -> Any:
    column = F(field.attname)
    kind: Any = field.output_field if isinstance(field, models.GeneratedField) else field
    if kind.is_relation:
        kind = kind.target_field
    if isinstance(kind, models.DateTimeField):
        return UtcTime(column)
    if isinstance(kind, models.DateField):
        return Day(column)
    if isinstance(kind, ArrayField):
        return PlainText(Words(column))
    text = Cast(column, TextField())
    is_plain = isinstance(
        kind,
        models.UUIDField | models.IntegerField | models.DecimalField | models.BooleanField,
    )
    return text if is_plain else PlainText(text)


def _decimal(amount: F, currency: str) -> Case:
    """Empty where the currency is none that anybody knows."""
    return Case(
        *(
            When(**{f"{currency}__in": codes}, then=Major(amount, digits))
            for digits, codes in _CODES_BY_EXPONENT.items()
        ),
        default=Value(None),
        output_field=TextField(),
    )
