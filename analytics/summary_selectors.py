"""Reads for the dashboards: daily summaries by day, month and merchant, and one merchant's payments.

Summaries are grouped by the database, so that what comes back depends on the days and currencies
shown and not on the merchants. Amounts are in minor units of their currency; days are UTC's, both
ends included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from analytics.models import DeclineHour
from payments_project.database.statements import planned_for_their_values
from payments_project.database.uuid7 import uuid7_floor
from payments_project.tenancy import Scope
from payments_project.times import day_start
from transactions import states

# Of a merchant's payments in a range only so many are looked at, the newest.
PAYMENTS_MAX = 100_000
# So many days that are due are looked at for the oldest change that is not in the summaries yet.
DUE_MAX = 10_000

DAY, MONTH = "day", "month"
# By what is shown: how a day's place is found. No zone takes part, since a summary has a date.
_BUCKETS = {DAY: "day", MONTH: "date_trunc('month', day::timestamp)::date"}

# First by day, which is quickest, then by what is shown; the days before are one row a currency.
_SUMS = """
    SELECT CASE WHEN day >= %(first)s THEN {bucket} END, currency,
           sum(payments)::bigint, sum(succeeded)::bigint, sum(failed)::bigint,
           sum(with_refunds)::bigint, sum(gross)::bigint, sum(fees)::bigint, sum(net)::bigint,
           sum(refunded)::bigint, sum(disputed)::bigint, sum(fraudulent)::bigint,
           max(computed_at)
      FROM (
        SELECT summary_date AS day, currency, sum(transaction_count) AS payments,
               sum(successful_count) AS succeeded, sum(failed_count) AS failed,
               sum(refunded_count) AS with_refunds, sum(gross_amount) AS gross,
               sum(fee_amount) AS fees, sum(net_amount) AS net, sum(refunded_amount) AS refunded,
               coalesce(sum(dispute_count), 0) AS disputed,
               coalesce(sum(fraud_count), 0) AS fraudulent, max(updated_at) AS computed_at
          FROM daily_transaction_summaries
         WHERE environment = %(environment)s
           AND summary_date >= %(before)s AND summary_date <= %(last)s {of_merchant}
         GROUP BY summary_date, currency
      ) AS days
     GROUP BY 1, 2
"""

# The range as two halves: for one range PostgreSQL takes walking an index on its days for the
# cheapest, row by row; of two it collects the pages first, in a third of the time (measured: 1.7 s
# and 0.6 s for 10,000 merchants' 90 days).
_TOP_MERCHANTS = """
    SELECT merchant_id, sum(gross_amount)::bigint, sum(transaction_count)::bigint
      FROM daily_transaction_summaries
     WHERE environment = %(environment)s AND currency = %(currency)s
       AND ((summary_date >= %(first)s AND summary_date <= %(middle)s)
            OR (summary_date > %(middle)s AND summary_date <= %(last)s))
     GROUP BY merchant_id
    HAVING sum(gross_amount) > 0
     ORDER BY 2 DESC, 1
     LIMIT %(most)s
"""

_OLDEST_DUE = """
    SELECT min(created_at)
      FROM (SELECT * FROM summary_days_due ORDER BY id LIMIT %(limit)s) AS due
     WHERE environment = %(environment)s
       AND summary_date >= %(first)s AND summary_date <= %(last)s {of_merchant}
"""

_OF_MERCHANT = "AND merchant_id = %(merchant_id)s"

_PAYMENTS = """
    WITH newest AS MATERIALIZED (
        SELECT created_at, currency, status, captured_amount, customer_id,
               coalesce(decline_code, failure_code, 'unknown') AS code
          FROM transactions
         WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
           AND id >= %(from)s AND id < %(to)s
         ORDER BY id DESC
         LIMIT %(limit)s
    )
    (SELECT 'all', NULL, NULL::uuid, count(*), NULL::bigint, min(created_at) FROM newest)
     UNION ALL
    (SELECT 'declines', code, NULL, count(*), NULL, NULL
       FROM newest
      WHERE status = 'failed' AND currency = %(currency)s
      GROUP BY code ORDER BY 4 DESC, code LIMIT %(most)s)
     UNION ALL
    (SELECT 'customers', NULL, customer_id, count(*), sum(captured_amount)::bigint, NULL
       FROM newest
      WHERE status = ANY(%(successful)s) AND currency = %(currency)s
        AND customer_id IS NOT NULL AND captured_amount > 0
      GROUP BY customer_id ORDER BY 5 DESC, customer_id LIMIT %(most)s)
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """Summaries added up, as ``DailyTransactionSummary`` defines its columns; one currency."""

    payments: int = 0
    succeeded: int = 0
    failed: int = 0
    with_refunds: int = 0
    gross: int = 0
    fees: int = 0
    net: int = 0
    refunded: int = 0
    disputed: int = 0
    fraudulent: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        names = [field.name for field in fields(self)]
        return Sums(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def success_rate(self) -> float | None:
        """Of all payments, as the summaries' own rate; None without payments."""
        return self.succeeded / self.payments if self.payments else None

    @property
    def refund_rate(self) -> float | None:
        """How much of what was captured went back; None where nothing was captured."""
        return self.refunded / self.gross if self.gross else None

    @property
    def dispute_rate(self) -> float | None:
        """Payments with a chargeback, of those that succeeded; None where none did."""
        return self.disputed / self.succeeded if self.succeeded else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day's or month's sums in one currency; ``start`` is None for all days before the range."""

    start: date | None
    currency: str
    sums: Sums
    computed_at: datetime | None


@dataclass
class TopMerchant:
    """A merchant and what it took in a range; its name is looked up by ``attach_names``."""

    merchant_id: UUID
    gross: int
    payments: int


@dataclass(frozen=True, slots=True)
class PaymentsSeen:
    """What a merchant's newest payments of a range tell in one currency.

    ``declines`` are reasons with their counts; ``customers`` ids with the amount captured of their
    successful payments and how many those are. Where ``is_cut``, payments before ``since`` were not
    looked at.
    """

    declines: Sequence[tuple[str, int]]
    customers: Sequence[tuple[UUID, int, int]]
    is_cut: bool
    since: datetime | None


def read_sums(
    *,
    environment: str,
    before: date,
    first: date,
    last: date,
    grain: str,
    merchant_id: UUID | None = None,
) -> list[Bucket]:
    """By day or month (``grain``) from ``first`` to ``last`` and by currency; and by currency alone
    the days from ``before`` up to ``first``. Of all merchants, or of one.

    One statement. Months are those of their days within the range.
    """
    statement = _SUMS.format(
        bucket=_BUCKETS[grain], of_merchant=_OF_MERCHANT if merchant_id else ""
    )
    rows = _rows(
        statement,
        environment=environment,
        before=before,
        first=first,
        last=last,
        merchant_id=merchant_id,
    )
    return [
        Bucket(start, currency, Sums(*numbers), computed_at)
        for start, currency, *numbers, computed_at in rows
    ]


def read_top_merchants(
    *, environment: str, currency: str, first: date, last: date, most: int
) -> list[TopMerchant]:
    """Those that captured most in a currency, by what was captured."""
    rows = _rows(
        _TOP_MERCHANTS,
        environment=environment,
        currency=currency,
        first=first,
        middle=first + (last - first) // 2,
        last=last,
        most=most,
    )
    return [TopMerchant(*row) for row in rows]


def read_oldest_due(
    *, environment: str, first: date, last: date, merchant_id: UUID | None = None
) -> datetime | None:
    """Since when something changed that the summaries of these days don't have yet; None if they
    have everything. Of all merchants, or of one. Looks at ``DUE_MAX`` rows, the oldest."""
    statement = _OLDEST_DUE.format(of_merchant=_OF_MERCHANT if merchant_id else "")
    ((oldest,),) = _rows(
        statement,
        environment=environment,
        first=first,
        last=last,
        limit=DUE_MAX,
        merchant_id=merchant_id,
    )
    return oldest  # type: ignore[no-any-return]


def read_payments(
    *, scope: Scope, currency: str, first: date, last: date, most: int
) -> PaymentsSeen:
    """Reasons of declines and top customers of one merchant, of the ``PAYMENTS_MAX`` newest
    payments of the range, whatever their currency; ``most`` of each. One statement."""
    rows = _rows(
        _PAYMENTS,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        currency=currency,
        successful=list(states.SUCCESSFUL),
        limit=PAYMENTS_MAX,
        most=most,
        **{"from": uuid7_floor(day_start(first)), "to": uuid7_floor(day_start(_next(last)))},
    )
    ((seen, since),) = [(count, since) for kind, *_, count, _, since in rows if kind == "all"]
    return PaymentsSeen(
        declines=[(row[1], row[3]) for row in rows if row[0] == "declines"],
        customers=[(row[2], row[4], row[3]) for row in rows if row[0] == "customers"],
        is_cut=seen >= PAYMENTS_MAX,
        since=since,
    )


def read_declines_of_days(
    *, environment: str, first: date, last: date, most: int
) -> list[tuple[str, int]]:
    """The commonest reasons of whole days, of all merchants and currencies, with their counts; as
    far as hours are kept (``roll_up_hours.DAYS_KEPT``)."""
    rows = DeclineHour.objects.filter(
        environment=environment, hour__gte=day_start(first), hour__lt=day_start(_next(last))
    )
    counted = rows.values("code").annotate(count=Sum("failed_count")).order_by("-count", "code")
    return [(row["code"], int(row["count"])) for row in counted[:most]]


def _rows(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Planned for the values, since the days decide which index and which months are read."""
    with planned_for_their_values(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _next(day: date) -> date:
    return day + timedelta(days=1)
