"""Rows for the lists bench: written straight into the real table, in parallel, then analysed."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from bench.environment import Database

_INSERT = (Path(__file__).resolve().parent / "list_rows.sql").read_text()
_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class ListMerchants:
    """Whose rows there are. The sparse one has as many, whatever the size of the database; the
    idle one has none, though it came with the first."""

    hot: UUID
    sparse: UUID
    idle: UUID
    others: list[UUID]


def fill_transactions(
    *, database: Database, merchants: ListMerchants, rows: int, months: int, sparse_rows: int
) -> None:
    """Writes ``rows`` transactions spread evenly over the ``months`` months up to the last one.

    As the owner, with the table's triggers off: the rows stand in states that they may start in,
    or reach, and checking each by trigger is not what is measured. Constraints and indexes are on.
    """
    starts = month_starts(months)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for start in starts:
            owner.execute("SELECT create_monthly_partition('transactions', %s)", [start.date()])
        owner.execute(
            "UPDATE merchants SET history_starts_at = %s WHERE id = ANY(%s)",
            [starts[0], [merchants.hot, merchants.sparse, merchants.idle]],
        )
    shares = [rows // months + (number < rows % months) for number in range(months)]
    sparse_step = max(2, rows // sparse_rows)
    started = time.perf_counter()
    with triggers_off(database), ThreadPoolExecutor(_CONNECTIONS) as pool:
        jobs = [
            pool.submit(_fill_month, database, merchants, start, share, sparse_step)
            for start, share in zip(starts, shares, strict=True)
        ]
        for number, job in enumerate(jobs, start=1):
            job.result()
            if number % 6 == 0:
                print(f"  {number} of {months} months, {time.perf_counter() - started:.0f} s")
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE) transactions")


def month_starts(count: int) -> list[datetime]:
    """The first moments (UTC) of the ``count`` months before this one, the oldest first."""
    today = datetime.now(UTC)
    newest = today.year * 12 + today.month - 2
    return [
        datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        for number in range(newest - count + 1, newest + 1)
    ]


def _fill_month(
    database: Database,
    merchants: ListMerchants,
    start: datetime,
    rows: int,
    sparse_step: int,
) -> None:
    following = datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)
    fill_span(
        database=database,
        merchants=merchants,
        start=start,
        length=following - start,
        rows=rows,
        sparse_step=sparse_step,
    )


def fill_span(
    *,
    database: Database,
    merchants: ListMerchants,
    start: datetime,
    length: timedelta,
    rows: int,
    sparse_step: int,
) -> None:
    """Writes ``rows`` transactions evenly over ``length`` from ``start``; the months are there."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(
            _INSERT.encode(),
            {
                "start": start,
                "length": length,
                "rows": rows,
                "sparse_step": sparse_step,
                "hot": merchants.hot,
                "sparse": merchants.sparse,
                "others": merchants.others,
            },
        )


@contextmanager
def triggers_off(database: Database, table: str = "transactions") -> Iterator[None]:
    """Lets rows be written to the table in whatever state they are."""
    name = sql.Identifier(table)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        try:
            yield
        finally:
            owner.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
