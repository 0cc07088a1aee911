"""The lists of what belongs to payments: refunds, disputes."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from disputes.api.bodies import DisputeQuery, RefundQuery
from payments_project.api.objects import ListObject, Resource
from payments_project.api.views import ApiView
from payments_project.database.pages import page_by_id, require_cursor
from transactions.access import get_transaction


def list_of_payments(
    view: ApiView,
    query: RefundQuery | DisputeQuery,
    rows: QuerySet[Any],
    *,
    url: str,
    show: Callable[[Any], Resource],
) -> Any:
    """A page of the merchant's ``rows``, newest first, by payment, status and time.

    Raises ``ResourceMissing`` for a cursor or a payment that the merchant has not.
    """
    require_cursor(query, lambda pk: rows.filter(pk=pk).exists())
    filters = query.created_filters()
    if query.transaction is not None:
        get_transaction(scope=view.scope, transaction_id=query.transaction, param="transaction")
        filters["transaction_id"] = query.transaction
    if query.status is not None:
        filters["status"] = query.status
    page = page_by_id(rows.filter(**filters), query)
    answer = ListObject(url=url, has_more=page.has_more, data=[show(row) for row in page.rows])
    return view.expanded(answer)
