"""What others may expand of this app."""

from typing import Any
from uuid import UUID

from merchants.access import customers_of
from merchants.api.objects import customer_object
from payments_project.api.expand import register_expander
from payments_project.tenancy import Scope


def register_expanders() -> None:
    """Registers ``expand[]=customer``; called once, when the app starts."""
    register_expander("customer", _customers, permission="customers:read")


def _customers(scope: Scope, ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = customers_of(scope).filter(pk__in=[UUID(text) for text in ids])
    return {
        str(row.pk): customer_object(row).model_dump(mode="json")
        for row in rows.prefetch_related("totals")
    }
