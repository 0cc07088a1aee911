"""Monthly partitions of tables whose key is a UUIDv7.

``create_monthly_partition(table, date)`` in the database does the work and knows which tables are
monthly (``monthly_tables``); this module asks for months ahead of time, and for one that an insert
turns out to miss. There is no DEFAULT partition: see docs/database.md.
"""

import re
from datetime import UTC, date, datetime

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

MONTHS_AHEAD = 12
MONTHS_AHEAD_LEAST = 2

_NO_PARTITION = re.compile(r'no partition of relation "(?P<table>\w+)" found for row')
_FAILING_ID = re.compile(r"\(id\) = \((?P<id>[0-9a-f-]{36})\)")


def create_month(*, table: str, month: date, using: str = DEFAULT_DB_ALIAS) -> None:
    """Makes sure that ``table`` has the partition of ``month``; does nothing if it is there."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT create_monthly_partition(%s, %s)", [table, month])


def ensure_months(
    *, today: date | None = None, months_ahead: int = MONTHS_AHEAD, using: str = DEFAULT_DB_ALIAS
) -> list[str]:
    """Makes the partitions from this month to ``months_ahead`` later; returns the tables' names.

    Safe to run twice or at once: the database function serialises per table.
    """
    first = (today or datetime.now(UTC).date()).replace(day=1)
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, count(create_monthly_partition(table_name, month::date))
              FROM monthly_tables,
                   generate_series(%s::date, %s::date + make_interval(months => %s),
                                   interval '1 month') AS month
             GROUP BY table_name ORDER BY table_name
            """,
            [first, first, months_ahead],
        )
        return [table for table, _ in cursor.fetchall()]


def months_ahead(*, today: date | None = None, using: str = DEFAULT_DB_ALIAS) -> int:
    """How many whole months after this one every monthly table has without a gap; -1 if none."""
    first = (today or datetime.now(UTC).date()).replace(day=1)
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT monthly_partitions_ahead(%s)", [first])
        (count,) = cursor.fetchone()
    return int(count)


def create_missing_month(error: BaseException, *, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Makes the month that an insert did not find; False if ``error`` tells of something else.

    PostgreSQL reports a missing partition as 23514 without a constraint's name, and names the
    failing key in the detail.
    """
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(cause, psycopg.errors.CheckViolation) or cause.diag.constraint_name:
        return False
    table = _NO_PARTITION.search(cause.diag.message_primary or "")
    failing = _FAILING_ID.search(cause.diag.message_detail or "")
    if not table or not failing:
        return False
    with connections[using].cursor() as cursor:
        try:
            cursor.execute(
                "SELECT create_monthly_partition("
                "%s, (uuid_extract_timestamp(%s::uuid) AT TIME ZONE 'UTC')::date)",
                [table["table"], failing["id"]],
            )
        except DatabaseError:
            return False
    return True
