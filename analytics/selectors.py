"""Reads of the course of the last days: a few rows for each hour, whatever there are of payments."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Sum

from analytics.models import DeclineHour

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


def read_days(*, environment: str, now: datetime, days: int) -> list[DayOfPayments]:
    """The last ``days`` UTC days, today included, as far as they are rolled up."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
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
