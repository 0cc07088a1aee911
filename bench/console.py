"""Every list of the console and its home page at 10 thousand and at 10 million payments."""

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.console_rows import NOT_FILLED_HERE, ROWS
from bench.engines import postmaster, redis_process
from bench.environment import BenchError, Database, bench_database
from bench.list_data import (
    ListMerchants,
    fill_span,
    fill_transactions,
    month_starts,
    triggers_off,
)
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.result import Bar, Result, print_table
from bench.timers import Timer, timer_process

QUERIES_LIMIT = 15
RATIO_LIMIT = 2.0
# A dashboard adds up the days that it is asked for: their merchants decide what it costs, and of one
# merchant its payments in them. So it has a limit of its own, in milliseconds.
DASHBOARD = "dashboard"
DASHBOARD_MS_LIMIT = 1_000
SMALL_ROWS, SMALL_MONTHS = 10_000, 1
LARGE_MONTHS = 36
OTHER_MERCHANTS = 1_000
SPARSE_ROWS = 100
# Tables that have months of their own beside the payments'.
_MONTHLY = ("ledger_entries", "events", "webhook_deliveries", "webhook_attempts")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two databases and its pages by name."""

    database: Database
    timer: Timer
    urls: dict[str, str]
    tables: dict[str, str]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="payments of the large one")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each database")
    parser.add_argument("--times", type=int, default=5, help="calls of a page in a turn")
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's databases behind")
    parser.add_argument(
        "--reuse",
        action="store_true",
        help="take those that --keep has left; to fill takes longest",
    )


def run(options: argparse.Namespace, database: Database) -> Result:
    """Fills both databases, then asks them in turns for every page."""
    result = Result("console")
    with ExitStack() as stack:
        small = _side(stack, database.sibling("small"), SMALL_ROWS, SMALL_MONTHS, options)
        large = _side(stack, database.sibling("large"), options.rows, LARGE_MONTHS, options)
        result.figures["machine"] = machine_facts(large.database)
        roots = [
            postmaster(small.database), redis_process(), small.timer.pid, large.timer.pid
        ]  # fmt: skip
        stack.enter_context(pinned(roots, options.cores))
        names = [name for name in large.urls if name in small.urls]
        queries = {name: max(_queries(small, name), _queries(large, name)) for name in names}
        times = _times(small, large, names, options)
        result.figures["rows"] = {"small": _payments(small), "large": _payments(large)}
        result.figures["months"] = {"small": SMALL_MONTHS, "large": LARGE_MONTHS}
        empty = sorted(set(large.tables.values()) - {*ROWS, *NOT_FILLED_HERE, ""})
    _report(result, queries, times)
    if empty:
        print(f"Lists without rows, to be added to bench/console_rows.py: {', '.join(empty)}")
    result.bars["lists_without_rows"] = Bar.at_most(len(empty), 0)
    return result


def _side(
    stack: ExitStack, database: Database, rows: int, months: int, options: argparse.Namespace
) -> Side:
    stack.enter_context(bench_database(database, keep=options.keep, reuse=options.reuse))
    timer = stack.enter_context(timer_process(database, "bench.console_timer"))
    if not options.reuse:
        _fill_all(database, timer, rows, months)
    pages = timer.ask({"do": "pages"})
    return Side(
        database=database,
        timer=timer,
        urls={page["name"]: page["url"] for page in pages},
        tables={page["name"]: page["table"] for page in pages},
    )


def _fill_all(database: Database, timer: Timer, rows: int, months: int) -> None:
    made = timer.ask({"do": "prepare", "count": 3})
    hot, sparse, idle = (UUID(merchant) for merchant in made["merchants"])
    merchants = ListMerchants(hot, sparse, idle, [uuid4() for _ in range(OTHER_MERCHANTS)])
    print(f"{rows:,} payments over {months} months, and what goes with them", flush=True)
    started = time.perf_counter()
    _fill_payments(database, merchants, rows, months)
    for table, statement in ROWS.items():
        values = {
            "others": merchants.others,
            "staff": made["staff"],
            "secret": bytes.fromhex(made["secret"]),
        }
        _fill(database, table, statement, values)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE)")
    print(f"  filled in {time.perf_counter() - started:.0f} s", flush=True)


def _fill_payments(database: Database, merchants: ListMerchants, rows: int, months: int) -> None:
    """Whole months, and this one so far at the same rate: the home page is about today."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for table in _MONTHLY:
            for start in month_starts(months):
                owner.execute("SELECT create_monthly_partition(%s, %s)", [table, start.date()])
    fill_transactions(
        database=database, merchants=merchants, rows=rows, months=months, sparse_rows=SPARSE_ROWS
    )
    now = datetime.now(UTC)
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    with triggers_off(database):
        fill_span(
            database=database,
            merchants=merchants,
            start=start,
            length=now - start,
            rows=max(1, int(rows / months * (now - start).days / 30)),
            sparse_step=max(2, rows // SPARSE_ROWS),
        )


def _fill(database: Database, table: str, statement: str, values: dict[str, Any]) -> None:
    with triggers_off(database, table), psycopg.connect(database.owner_url) as owner:
        owner.execute("SET synchronous_commit = off")
        count = owner.execute(statement.encode(), values).rowcount
    if not count:
        raise BenchError(f"{table} has no rows: its list would be measured empty")
    print(f"  {count:,} {table}", flush=True)


def _payments(side: Side) -> int:
    with psycopg.connect(side.database.owner_url) as owner:
        row = owner.execute("SELECT count(*) FROM transactions").fetchone()
    return int(row[0]) if row else 0


def _queries(side: Side, name: str) -> int:
    return int(side.timer.ask({"do": "queries", "url": side.urls[name]}))


def _times(
    small: Side, large: Side, names: list[str], options: argparse.Namespace
) -> dict[str, tuple[float, float]]:
    """The medians by page, in milliseconds; the databases are asked in turns."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in names}
    for number in range(options.rounds + 1):
        for name in names:
            for side, times in zip((small, large), found[name], strict=True):
                question = {"do": "time", "url": side.urls[name], "times": options.times}
                spent = side.timer.ask(question)
                # The first turn warms up.
                if number:
                    times.extend(spent)
    return {name: (median(times[0]), median(times[1])) for name, times in found.items()}


def _report(result: Result, queries: dict[str, int], times: dict[str, tuple[float, float]]) -> None:
    ratios = {name: large / small for name, (small, large) in times.items()}
    print_table(
        "Median time of a page of the console, in milliseconds",
        ("page", "queries", "small", "large", "ratio"),
        [(name, queries[name], *times[name], ratios[name]) for name in times],
    )
    result.figures["pages"] = {
        name: {
            "queries": queries[name],
            "small_ms": times[name][0],
            "large_ms": times[name][1],
            "ratio": ratios[name],
        }
        for name in times
    }
    dashboards = [name for name in times if name.startswith(DASHBOARD)]
    worst = max((name for name in times if name not in dashboards), key=ratios.__getitem__)
    result.figures["slowest_to_grow"] = worst
    result.bars["queries_of_any_page"] = Bar.at_most(max(queries.values()), QUERIES_LIMIT)
    result.bars["ratio_of_any_page"] = Bar.at_most(ratios[worst], RATIO_LIMIT)
    slowest_ms = max(times[name][1] for name in dashboards)
    result.bars["dashboard_ms"] = Bar.at_most(slowest_ms, DASHBOARD_MS_LIMIT)
