"""The home page's payments: today in figures, and those whose outcome nobody knows yet.

Today's figures come from one pass over today's payments, which are one range of keys; beyond
``ROWS_MAX`` of them only the newest are counted, and the page says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.home import (
    Bar,
    Chart,
    HomePart,
    Tile,
    count_some,
    count_words,
    home_part,
)
from payments_project.console.names import attach_names, name_of
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell
from payments_project.database.uuid7 import uuid7_floor
from payments_project.money import format_amount
from transactions import states
from transactions.admin.panels import paid_with
from transactions.models import Transaction

ROWS_MAX = 100_000
# A payment whose outcome is unknown for longer than this is somebody's business.
IN_DOUBT_AFTER = timedelta(minutes=5)
CURRENCIES_SHOWN = 3

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
def today(request: HttpRequest, environment: str) -> Iterable[HomePart]:
    """Volume, success rate and the day's course."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    slices = read_day(day=midnight, environment=environment)
    count = sum(part.count for part in slices)
    succeeded = sum(part.succeeded for part in slices)
    failed = sum(part.failed for part in slices)
    volumes = _volumes(slices)
    note = f"Only the newest {ROWS_MAX:,} payments." if count >= ROWS_MAX else ""
    of_today = {"environment": environment, "created_from": midnight.date()}
    yield Tile(
        label="Volume today",
        icon="payments",
        value=volumes[0] if volumes else "—",
        hint=" · ".join(volumes[1:]) or "captured since midnight",
        url=display.list_url("transactions.transaction", **of_today),
        order=10,
    )
    decided = succeeded + failed
    rate = f"{succeeded / decided:.1%}" if decided else "—"
    yield Tile(
        label="Success rate today",
        icon="trending_up",
        value=rate,
        hint=f"{succeeded:,} of {decided:,} decided" if decided else "none decided yet",
        url=display.list_url("transactions.transaction", **of_today, status="failed"),
        order=11,
    )
    yield Chart(
        title="Payments today, by hour (UTC)",
        bars=_bars(slices),
        legend=("succeeded", "failed"),
        note=note,
    )


def _volumes(slices: list[Slice]) -> list[str]:
    by_currency: dict[str, list[int]] = {}
    for part in slices:
        totals = by_currency.setdefault(part.currency, [0, 0])
        totals[0] += part.captured
        totals[1] += part.count
    busiest = sorted(by_currency.items(), key=lambda item: -item[1][1])
    words = [format_amount(captured, code) for code, (captured, _) in busiest if captured]
    more = len(words) - CURRENCIES_SHOWN
    return words[:CURRENCIES_SHOWN] + (
        [f"{more} more {'currency' if more == 1 else 'currencies'}"] if more > 0 else []
    )


def _bars(slices: list[Slice]) -> list[Bar]:
    bars = []
    for hour in range(24):
        good = sum(part.succeeded for part in slices if part.hour == hour)
        bad = sum(part.failed for part in slices if part.hour == hour)
        title = f"{hour:02}:00 — {good} succeeded, {bad} failed"
        bars.append(Bar(f"{hour:02}" if hour % 3 == 0 else "", title, good, bad))
    return bars


@home_part(permission="transactions.view_transaction")
def in_doubt(request: HttpRequest, environment: str) -> Iterable[HomePart]:
    """Payments that have been pending for too long: found by the index of pending ones."""
    before = uuid7_floor(datetime.now(UTC) - IN_DOUBT_AFTER)
    doubtful = Transaction.objects.filter(
        status=states.PENDING, id__lt=before, environment=environment
    )
    count = count_some(doubtful)
    url = display.list_url("transactions.transaction", environment=environment, status="pending")
    yield Tile(
        label="Payments in doubt",
        icon="help",
        value=count_words(count),
        hint="pending for more than 5 minutes",
        tone=display.RED if count else "",
        url=url,
        order=20,
    )
    if count:
        rows = list(doubtful.order_by("id")[:8])
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
def newest(request: HttpRequest, environment: str) -> Iterable[HomePart]:
    """The last few payments of all merchants, so that one sees the service breathe."""
    rows = list(Transaction.objects.filter(environment=environment).order_by("-id")[:8])
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
    attach_names(payments, ["merchant_id"])
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
