"""What others may expand of this app, and of transactions."""

from typing import Any
from uuid import UUID

from django.db.models import Window
from django.db.models.functions import RowNumber

from disputes.access import refunds_of
from disputes.api.objects import refund_object
from payments_project.api.expand import register_expander
from payments_project.api.objects import ListObject
from payments_project.tenancy import Scope
from transactions.access import transactions_of
from transactions.api.objects import transaction_object

REFUNDS_MAX = 100


def register_expanders() -> None:
    """Registers ``expand[]=transaction`` and ``refunds``; called once, when the app starts."""
    register_expander("transaction", _transactions, permission="transactions:read")
    register_expander("refunds", _refunds, permission="refunds:read")


def _transactions(scope: Scope, ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = transactions_of(scope).filter(pk__in=[UUID(text) for text in ids])
    return {str(row.pk): transaction_object(row).model_dump(mode="json") for row in rows}


def _refunds(scope: Scope, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Each transaction's newest refunds, as a list object; one query for all."""
    found: dict[str, list[dict[str, Any]]] = {text: [] for text in ids}
    rows = refunds_of(scope).filter(transaction_id__in=[UUID(text) for text in ids])
    place = Window(RowNumber(), partition_by="transaction_id", order_by="-pk")
    # One more than is shown tells whether there are more.
    for row in rows.annotate(place=place).filter(place__lte=REFUNDS_MAX + 1).order_by("-pk"):
        found[str(row.transaction_id)].append(refund_object(row).model_dump(mode="json"))
    return {
        text: ListObject(
            url=f"/v1/refunds?transaction={text}",
            has_more=len(refunds) > REFUNDS_MAX,
            data=refunds[:REFUNDS_MAX],
        ).model_dump(mode="json")
        for text, refunds in found.items()
    }
