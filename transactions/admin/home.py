"""The home page's payments: the newest, and those whose outcome nobody knows yet."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.home import (
    QUEUE_ROWS,
    Counted,
    HomeParts,
    Named,
    home_part,
    queue_tile,
)
from payments_project.console.names import name_of
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell
from payments_project.database.uuid7 import uuid7_floor
from transactions import states
from transactions.admin.panels import paid_with
from transactions.models import Transaction

# A payment whose outcome is unknown for longer than this is somebody's business.
IN_DOUBT_AFTER = timedelta(minutes=5)
# The newest payments of an environment are looked for among so many of both.
NEWEST_AMONG = 5_000


@home_part(permission="transactions.view_transaction")
def in_doubt(request: HttpRequest, environment: str) -> HomeParts:
    """Payments that have been pending for too long: found by the index of pending ones."""
    before = uuid7_floor(datetime.now(UTC) - IN_DOUBT_AFTER)
    doubtful = Transaction.objects.filter(
        status=states.PENDING, id__lt=before, environment=environment
    )
    (count,) = yield Counted([doubtful])
    url = display.list_url("transactions.transaction", environment=environment, status="pending")
    yield queue_tile(
        label="In doubt",
        icon="help",
        count=count,
        hint="pending over 5 minutes",
        url=url,
        order=20,
        tone=display.RED,
    )
    if count:
        rows = list(doubtful.order_by("id")[:QUEUE_ROWS])
        yield Named(rows, ["merchant_id"])
        yield Panel(
            title="Payments in doubt, oldest first",
            icon="help",
            note="The resolver asks the gateway about each; one that stays here needs a look.",
            columns=_COLUMNS,
            rows=_rows(rows),
            more_url=url,
            order=20,
        )


@home_part(permission="transactions.view_transaction")
def newest(request: HttpRequest, environment: str) -> HomeParts:
    """The last few payments of all merchants, so that one sees the service breathe.

    No index finds the newest of one environment, which may have none: it is not looked for further
    back than the newest ``NEWEST_AMONG`` of both.
    """
    earliest = Transaction.objects.order_by("-id").values("id")[NEWEST_AMONG : NEWEST_AMONG + 1]
    recent = Transaction.objects.filter(id__gt=Coalesce(Subquery(earliest), Value(UUID(int=0))))
    rows = list(recent.filter(environment=environment).order_by("-id")[:QUEUE_ROWS])
    yield Named(rows, ["merchant_id"])
    yield Panel(
        title="Newest payments",
        icon="credit_card",
        columns=_COLUMNS,
        rows=_rows(rows),
        empty=f"None among the newest {NEWEST_AMONG:,} payments of both environments.",
        more_url=display.list_url("transactions.transaction", environment=environment),
        order=60,
    )


_COLUMNS = (
    Column("Time"),
    Column("Status"),
    Column("Card", is_minor=True),
    Column("Merchant", is_minor=True),
    Column("Amount", is_number=True),
)


def _rows(payments: list[Transaction]) -> list[list[Cell]]:
    return [
        [
            display.object_link(
                "transactions.Transaction", payment.pk, display.ago(payment.created_at)
            ),
            display.badge(payment.status),
            paid_with(payment),
            display.clip(name_of(payment, "merchant_id")),
            display.money(payment.amount, payment.currency),
        ]
        for payment in payments
    ]
