"""The balance over some days."""

from datetime import UTC, date, datetime

from analytics.reports.rows import day_end, in_time
from payments_project.tenancy import Scope
from payments_project.times import day_start
from transactions.balance_changes import BucketChanges, read_balance_changes


def read_balance_report(
    *, scope: Scope, first: date, last: date, currency: str | None
) -> tuple[datetime, list[BucketChanges]]:
    """The merchant's buckets over the days ``first`` to ``last``, and when they were read.

    Looks at all entries since ``first``. Raises ``ReportTooLarge``, ``CursorOfAnotherCluster``.
    """
    with in_time():
        read_at, buckets = read_balance_changes(
            scope=scope, begin=day_start(first), end=day_end(last), currency=currency
        )
    return read_at or datetime.now(UTC), buckets
