"""Pages of payment methods: their tokens are random, so a page is told by ``created_at`` too."""

from django.db.models import Q, QuerySet

from payments_project.api.query import ListQuery
from payments_project.database.pages import Page, cursor_of
from payments_project.tenancy import Scope
from vault.access import get_payment_method
from vault.models import PaymentMethod


def page_of_payment_methods(
    rows: QuerySet[PaymentMethod], query: ListQuery, *, scope: Scope
) -> Page[PaymentMethod]:
    """The page of ``rows`` that ``query`` asks for, newest first.

    A cursor that is no payment method of the merchant's is ``ResourceMissing`` for its parameter;
    one that is detached by now still marks its place.
    """
    cursor = cursor_of(query)
    if cursor is None:
        found = list(rows.order_by("-created_at", "-token")[: query.limit + 1])
        return Page(found[: query.limit], len(found) > query.limit)
    name, token = cursor
    place = get_payment_method(scope=scope, token=token, param=name)
    # The first condition is for the index, the second for rows of the same moment.
    if name == "starting_after":
        older = rows.filter(created_at__lte=place.created_at).filter(
            Q(created_at__lt=place.created_at) | Q(token__lt=place.token)
        )
        found = list(older.order_by("-created_at", "-token")[: query.limit + 1])
        return Page(found[: query.limit], len(found) > query.limit)
    newer = rows.filter(created_at__gte=place.created_at).filter(
        Q(created_at__gt=place.created_at) | Q(token__gt=place.token)
    )
    found = list(newer.order_by("created_at", "token")[: query.limit + 1])
    return Page(found[: query.limit][::-1], len(found) > query.limit)
