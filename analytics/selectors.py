"""Reads of the course of the last days: a few rows for each hour, whatever there are of payments."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Sum

from analytics.models import DeclineHour, Projection
from payments_project.database.uuid7 import uuid7_floor
from transactions import states

# Of the hours that are not closed only so many payments are counted, the newest.
OPEN_ROWS_MAX = 100_000

_DAYS = """
    SELECT (hour AT TIME ZONE 'UTC')::date, currency, sum(transaction_count)::bigint,
           sum(successful_count)::bigint, sum(failed_count)::bigint, sum(captured_amount)::bigint,
           coalesce(sum(successful_count) FILTER (WHERE hour < %(same_time)s), 0)::bigint,
           coalesce(sum(failed_count) FILTER (WHERE hour < %(same_time)s), 0)::bigint,
           coalesce(sum(captured_amount) FILTER (WHERE hour < %(same_time)s), 0)::bigint
      FROM payment_hours
     WHERE environment = %(environment)s AND hour >= %(first)s
     GROUP BY 1, 2
"""

# An hour without payments has no row in one environment; the other's may say that it is closed.
_TODAY = """
    WITH closed AS (
        SELECT environment, hour, currency, successful_count, failed_count, captured_amount,
               transaction_count
          FROM payment_hours
         WHERE hour >= %(midnight)s AND is_closed
    ), newest AS (
        SELECT created_at, currency, status, captured_amount
          FROM transactions
         WHERE id >= (SELECT uuidv7_floor(coalesce(max(hour) + interval '1 hour', %(midnight)s))
                        FROM closed)
           AND id < %(last)s AND environment = %(environment)s
         ORDER BY id DESC LIMIT %(limit)s
    )
    SELECT hour, currency, successful_count, failed_count, captured_amount, transaction_count,
           true
      FROM closed
     WHERE environment = %(environment)s
     UNION ALL
    SELECT date_trunc('hour', created_at, 'UTC'), currency,
           count(*) FILTER (WHERE status = ANY(%(successful)s)),
           count(*) FILTER (WHERE status = 'failed'),
           coalesce(sum(captured_amount) FILTER (WHERE status = ANY(%(successful)s)), 0)::bigint,
           count(*), false
      FROM newest
     GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """All merchants' payments of one hour (UTC) in one currency; amounts in minor units."""

    hour: datetime
    currency: str
    succeeded: int
    failed: int
    captured: int
    count: int
    is_closed: bool


@dataclass(frozen=True, slots=True)
class DayOfPayments:
    """All merchants' payments of a UTC day in one currency; amounts in minor units.

    The last three are of the hours before the time of day at which was asked, a week ago.
    """

    day: date
    currency: str
    count: int
    succeeded: int
    failed: int
    captured: int
    succeeded_by_now: int
    failed_by_now: int
    captured_by_now: int


def midnight_before(moment: datetime) -> datetime:
    """When the UTC day of ``moment`` began."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def read_today(*, environment: str, now: datetime) -> tuple[list[Slice], bool]:
    """The UTC day's payments so far by hour and currency, and whether all of them are counted.

    Closed hours come from the roll-up, with the states that their payments had at its last run; the
    rest is counted from the payments, of which the oldest above ``OPEN_ROWS_MAX`` are left out.
    Success is what the daily summaries call so: reached ``succeeded`` at some time.
    """
    midnight = midnight_before(now)
    with connection.cursor() as cursor:
        cursor.execute(
            _TODAY,
            {
                "environment": environment,
                "midnight": midnight,
                "last": uuid7_floor(midnight + timedelta(days=1)),
                "successful": list(states.SUCCESSFUL),
                "limit": OPEN_ROWS_MAX,
            },
        )
        slices = [Slice(*row) for row in cursor.fetchall()]
    counted = sum(part.count for part in slices if not part.is_closed)
    return slices, counted < OPEN_ROWS_MAX


def read_days(*, environment: str, now: datetime, days: int) -> list[DayOfPayments]:
    """The last ``days`` UTC days, today included, as far as they are rolled up."""
    midnight = midnight_before(now)
    with connection.cursor() as cursor:
        cursor.execute(
            _DAYS,
            {
                "environment": environment,
                "first": midnight - timedelta(days=days - 1),
                "same_time": now - timedelta(days=7),
            },
        )
        return [DayOfPayments(*row) for row in cursor.fetchall()]


def read_declines(*, environment: str, since: datetime, most: int) -> list[tuple[str, int]]:
    """The commonest reasons why payments failed since a time, and how often each did."""
    rows = DeclineHour.objects.filter(environment=environment, hour__gte=since)
    counted = rows.values("code").annotate(count=Sum("failed_count")).order_by("-count", "code")
    return [(row["code"], int(row["count"])) for row in counted[:most]]


def busiest_currency(days: Iterable[DayOfPayments]) -> str | None:
    """The currency of most payments; None without any."""
    counts: dict[str, int] = {}
    for day in days:
        counts[day.currency] = counts.get(day.currency, 0) + day.count
    return max(counts, key=lambda code: counts[code], default=None)


def monthly_stats_computed_at() -> datetime | None:
    """Since when the monthly view may be out of date: what was committed by then is in it. None
    before its first refresh."""
    computed = Projection.objects.filter(name=Projection.MONTHLY_STATS)
    return computed.values_list("computed_at", flat=True).first()
