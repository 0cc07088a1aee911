"""What ids are called: for a page of rows one look-up by key per kind of thing, and no joins.

A join to fill in names makes the planner choose another plan for the list; and ids without a
foreign key, or whose row is gone, are shown all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model


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
    for row in rows:
        row.console_names = {}  # type: ignore[attr-defined]
    for column in columns:
        named = NAMED_IDS.get(column)
        keys = {getattr(row, column, None) for row in rows} - {None}
        if named is None or named.name_field is None or not keys:
            continue
        model: Any = apps.get_model(named.label)
        names = dict(model.objects.filter(pk__in=keys).values_list("pk", named.name_field))
        for row in rows:
            name = names.get(getattr(row, column, None))
            if name:
                row.console_names[column] = name  # type: ignore[attr-defined]


def name_of(row: Model, column: str) -> str | None:
    """The name that ``attach_names`` found for a column of the row."""
    found: str | None = getattr(row, "console_names", {}).get(column)
    return found
