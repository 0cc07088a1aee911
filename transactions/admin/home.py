"""The home page's payments: the newest, and those whose outcome nobody knows yet; and the figures
of a day, from one pass over its payments, which are one range of keys.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
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

# Of a day with more only the newest are counted, and the page says so.
ROWS_MAX = 100_000
# A payment whose outcome is unknown for longer than this is somebody's business.
IN_DOUBT_AFTER = timedelta(minutes=5)

_TODAY = """
    SELECT extract(hour FROM created_at AT TIME ZONE 'UTC')::int, currency,
           count(*) FILTER (WHERE status = ANY(%(good)s)),
           count(*) FILTER (WHERE status = 'failed'),
           coalesce(sum(captured_amount) FILTER (WHERE status = ANY(%(good)s)), 0)::bigint,
           count(*)
      FROM (SELECT created_at, currency, status, captured_amount FROM transactions
             WHERE id >= %(first)s AND id < %(last)s AND environment = %(environment)s
             ORDER BY id DESC LIMIT %(limit)s) AS today
     GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """Payments of one hour (UTC) in one currency; amounts in minor units."""

    hour: int
    currency: str
    succeeded: int
    failed: int
    captured: int
    count: int


def read_day(*, day: datetime, environment: str) -> list[Slice]:
    """The day's payments by hour and currency, of its newest ``ROWS_MAX``.

    Success is what the daily summaries call so: reached ``succeeded`` at some time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _TODAY,
            {
                "first": uuid7_floor(day),
                "last": uuid7_floor(day + timedelta(days=1)),
                "environment": environment,
                "good": list(states.SUCCESSFUL),
                "limit": ROWS_MAX,
            },
        )
        return [Slice(*row) for row in cursor.fetchall()]


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
    """The last few payments of all merchants, so that one sees the service breathe."""
    rows = list(Transaction.objects.filter(environment=environment).order_by("-id")[:QUEUE_ROWS])
    yield Named(rows, ["merchant_id"])
    yield Panel(
        title="Newest payments",
        icon="credit_card",
        columns=_COLUMNS,
        rows=_rows(rows),
        empty="No payments yet.",
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
