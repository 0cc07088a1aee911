"""What ids are called: for a page of rows one statement of look-ups by key, and no joins.

A join to fill in names makes the planner choose another plan for the list; and ids without a
foreign key, or whose row is gone, are shown all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import F, Model, TextField, Value
from django.db.models.functions import Cast


@dataclass(frozen=True, slots=True)
class NamedId:
    """A column that holds the id of a ``label`` (``app.Model``) whose ``name_field`` names it.

    Without ``name_field`` the id is only linked.
    """

    label: str
    name_field: str | None = None


# By column, wherever it stands; the project names the apps as strings and imports none.
NAMED_IDS: Mapping[str, NamedId] = {
    "merchant_id": NamedId("merchants.Merchant", "business_name"),
    "customer_id": NamedId("merchants.Customer", "email"),
    "created_by": NamedId("payments_project.StaffUser", "username"),
    "staff_user_id": NamedId("payments_project.StaffUser", "username"),
    "requested_by_id": NamedId("payments_project.StaffUser", "username"),
    "decided_by_id": NamedId("payments_project.StaffUser", "username"),
    "api_key_id": NamedId("merchants.ApiKey"),
    "transaction_id": NamedId("transactions.Transaction"),
    "payment_method_token": NamedId("vault.PaymentMethod"),
}


def attach_names(rows: Sequence[Model], columns: Iterable[str]) -> None:
    """Sets ``console_names`` on each row: for each of ``columns`` that has a name, the name."""
    attach_all_names([(rows, list(columns))])


def attach_all_names(wanted: Sequence[tuple[Sequence[Model], Sequence[str]]]) -> None:
    """As ``attach_names`` for several lists of rows, in one statement for them all."""
    keys: dict[NamedId, set[Any]] = {}
    for rows, columns in wanted:
        for row in rows:
            row.console_names = {}  # type: ignore[attr-defined]
        for column in columns:
            named = NAMED_IDS.get(column)
            if named is not None and named.name_field is not None:
                found = {getattr(row, column, None) for row in rows} - {None}
                keys.setdefault(named, set()).update(found)
    names = _names({named: ids for named, ids in keys.items() if ids})
    for rows, columns in wanted:
        for column in columns:
            known = names.get(NAMED_IDS[column], {}) if column in NAMED_IDS else {}
            for row in rows:
                name = known.get(str(getattr(row, column, None)))
                if name:
                    row.console_names[column] = name  # type: ignore[attr-defined]


def _names(wanted: Mapping[NamedId, set[Any]]) -> dict[NamedId, dict[str, Any]]:
    """By kind the names of the ids, each id as a text."""
    kinds = list(wanted)
    names: dict[NamedId, dict[str, Any]] = {kind: {} for kind in kinds}
    rows = [_rows(place, kind, wanted[kind]) for place, kind in enumerate(kinds)]
    if rows:
        for place, key, name in rows[0].union(*rows[1:], all=True):
            names[kinds[place]][key] = name
    return names


def _rows(place: int, kind: NamedId, ids: set[Any]) -> Any:
    model: Any = apps.get_model(kind.label)
    key = Cast("pk", TextField())
    found = model.objects.filter(pk__in=ids).order_by()
    return found.values_list(Value(place), key, Cast(F(str(kind.name_field)), TextField()))


def name_of(row: Model, column: str) -> str | None:
    """The name that ``attach_names`` found for a column of the row."""
    found: str | None = getattr(row, "console_names", {}).get(column)
    return found
