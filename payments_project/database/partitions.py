"""Monthly partitions of tables whose key is a UUIDv7.

``create_monthly_partition(table, date)`` in the database does the work and knows which tables are
monthly (``monthly_tables``); this module asks for months ahead of time, and for one that an insert
turns out to miss. There is no DEFAULT partition: see docs/database.md.
"""

import re
import time
from datetime import UTC, date, datetime
from functools import lru_cache
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

MONTHS_AHEAD = 12
MONTHS_AHEAD_LEAST = 2
# In a month that nothing was made for, a payment misses a partition of each monthly table.
MONTHS_MADE_MAX = 6

# Of the monthly tables, those that a payment writes to.
PAYMENT_TABLES = ("transactions", "events", "ledger_entries")

_INSERT = re.compile(rf"(?<=INSERT INTO )({'|'.join(PAYMENT_TABLES)})(?= )")
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

    Safe to run twice or at once: the database function serialises per table. A month at a time,
    since attaching one locks the tables that refer to payments until its transaction ends.
    """
    first = (today or datetime.now(UTC).date()).replace(day=1)
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, month::date
              FROM monthly_tables,
                   generate_series(%s::date, %s::date + make_interval(months => %s),
                                   interval '1 month') AS month
             ORDER BY table_name, month
            """,
            [first, first, months_ahead],
        )
        months = cursor.fetchall()
    for table, month in months:
        create_month(table=table, month=month, using=using)
    return sorted({table for table, _ in months})


def drop_old_months(*, today: date | None = None, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Drops the months of events and webhooks that are kept no longer (``EVENTS_KEPT_MONTHS``,
    ``WEBHOOKS_KEPT_MONTHS``, besides this one); returns their partitions' names.

    One that a reader has not read to its end stays. A month at a time, oldest first; safe to run
    twice or at once.
    """
    this_month = (today or datetime.now(UTC).date()).replace(day=1)
    kept = {
        "events": settings.EVENTS_KEPT_MONTHS,
        "webhook_deliveries": settings.WEBHOOKS_KEPT_MONTHS,
        "webhook_attempts": settings.WEBHOOKS_KEPT_MONTHS,
    }
    dropped = []
    for table, months in kept.items():
        for month in _months_of(table, using=using):
            age = (this_month.year - month.year) * 12 + this_month.month - month.month
            if age <= months:
                break
            with connections[using].cursor() as cursor:
                cursor.execute("SELECT drop_monthly_partition(%s, %s)", [table, month])
                (is_gone,) = cursor.fetchone()
            if not is_gone:
                break
            dropped.append(f"{table}_{month:%Y_%m}")
    return dropped


def _months_of(table: str, *, using: str) -> list[date]:
    """The months that a table has, oldest first."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT to_date(right(child.relname, 7), 'YYYY_MM') FROM pg_inherits"
            " JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = %s::regclass"
            " ORDER BY 1",
            [table],
        )
        return [row[0] for row in cursor.fetchall()]


def months_ahead(*, today: date | None = None, using: str = DEFAULT_DB_ALIAS) -> int:
    """How many whole months after this one every monthly table has without a gap; -1 if none."""
    first = (today or datetime.now(UTC).date()).replace(day=1)
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT monthly_partitions_ahead(%s)", [first])
        (count,) = cursor.fetchone()
    return int(count)


def partition_of(table: str, key: UUID) -> str:
    """The partition that a row lies in.

    A statement on one row may name it: over the whole table, PostgreSQL plans anew each time,
    because a plan that serves any key would visit every month.
    """
    return _partition_of_hour(table, (key.int >> 80) // 3_600_000)


@lru_cache(maxsize=256)
def _partition_of_hour(table: str, hour: int) -> str:
    """By the hours since 1970 that an id's milliseconds amount to: no month begins within one."""
    return f"{table}_{datetime.fromtimestamp(hour * 3600, UTC):%Y_%m}"


def into_this_month(statement: str) -> str:
    """``statement`` with its rows inserted into the partitions of this month, by name.

    PostgreSQL need not find each row's partition then. It refuses the statement, writing nothing,
    if a row is of another month (``is_of_another_month``): this host's clock, or the month, is not
    the server's.
    """
    return _into_month_of_hour(statement, int(time.time()) // 3600)


@lru_cache(maxsize=256)
def _into_month_of_hour(statement: str, hour: int) -> str:
    return _INSERT.sub(lambda table: _partition_of_hour(table[0], hour), statement)


def is_of_another_month(error: BaseException) -> bool:
    """Whether a statement ``into_this_month`` failed because its month is the wrong one, or is not
    there yet."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if isinstance(cause, psycopg.errors.UndefinedTable):
        return True
    if not isinstance(cause, psycopg.errors.CheckViolation):
        return False
    # The month's CHECK on created_at is looked at before its bounds.
    return cause.diag.constraint_name == f"{cause.diag.table_name}_month"


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
