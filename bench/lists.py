"""Pages of a merchant's list at 100 thousand rows in a month and at 10 million in 36 months."""

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psycopg

from bench.engines import postmaster, redis_process
from bench.environment import BenchError, Database, bench_database, product_environment
from bench.list_data import ListMerchants, fill_transactions
from bench.load_process import HttpRequest, load_process
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.result import Bar, Result, print_table
from bench.timers import Timer, timer_process
from bench.web import start_web

RATIO_LIMIT = 1.5
SMALL_ROWS, SMALL_MONTHS = 100_000, 1
LARGE_MONTHS = 36
SPARSE_ROWS = 1_200
OTHER_MERCHANTS = 1_000
PAGE = 10
DEEP_PAGE = 100

OLDEST = 100


class Question(NamedTuple):
    """A merchant, and a page of theirs: of all, or of the oldest, by ``created_at[lt]``."""

    merchant: str
    page: int
    oldest: bool = False

    @property
    def name(self) -> str:
        """As the figures and the bars have it."""
        return f"{self.merchant}_{'oldest_' if self.oldest else ''}page_{self.page}"


# The absent merchant has no hundredth page.
QUESTIONS = (
    Question("hot", 1),
    Question("hot", DEEP_PAGE),
    Question("hot", 1, oldest=True),
    Question("sparse", 1),
    Question("sparse", DEEP_PAGE),
    Question("absent", 1),
    Question("idle", 1),
)
# Shown without a bar: whoever has paid nothing in 36 months is asked for in each of them.
UNBARRED = {Question("idle", 1)}
Times = dict[Question, list[float]]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two databases: who is asked about, and each page's parameters."""

    database: Database
    timer: Timer
    merchants: dict[str, UUID]
    keys: dict[str, str]
    parameters: dict[Question, dict[str, str]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the large database")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each database")
    parser.add_argument("--times", type=int, default=40, help="selector calls in a turn")
    parser.add_argument("--seconds", type=float, default=1.0, help="HTTP load of a turn")
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's databases behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """Fills both databases, then asks them in turns for the same pages."""
    result = Result("lists")
    with ExitStack() as stack:
        small = _side(stack, database.sibling("small"), SMALL_ROWS, SMALL_MONTHS, options)
        large = _side(stack, database.sibling("large"), options.rows, LARGE_MONTHS, options)
        result.figures["machine"] = machine_facts(large.database)
        roots = [
            postmaster(small.database), redis_process(), small.timer.pid, large.timer.pid
        ]  # fmt: skip
        stack.enter_context(pinned(roots, options.cores))
        selector = _time_selector(small, large, options)
        http = _time_http(stack, small, large, options)
        result.figures["rows"] = {"small": SMALL_ROWS, "large": options.rows}
        result.figures["months"] = {"small": SMALL_MONTHS, "large": LARGE_MONTHS}
    _report(result, "selector", selector)
    _report(result, "http", http)
    return result


def _side(
    stack: ExitStack, database: Database, rows: int, months: int, options: argparse.Namespace
) -> Side:
    stack.enter_context(bench_database(database, keep=options.keep))
    timer = stack.enter_context(timer_process(database, "bench.list_timer"))
    names = ("hot", "sparse", "absent", "idle")
    tenants = dict(zip(names, timer.ask({"do": "tenants", "count": len(names)}), strict=True))
    ids = {name: UUID(tenant["merchant_id"]) for name, tenant in tenants.items()}
    print(f"{rows:,} rows over {months} months", flush=True)
    started = time.perf_counter()
    fill_transactions(
        database=database,
        merchants=ListMerchants(
            hot=ids["hot"],
            sparse=ids["sparse"],
            idle=ids["idle"],
            others=[uuid4() for _ in range(OTHER_MERCHANTS)],
        ),
        rows=rows,
        months=months,
        sparse_rows=SPARSE_ROWS,
    )
    print(f"  filled in {time.perf_counter() - started:.0f} s", flush=True)
    return Side(
        database=database,
        timer=timer,
        merchants=ids,
        keys={name: tenant["key"] for name, tenant in tenants.items()},
        parameters={
            question: _parameters(database, ids[question.merchant], question)
            for question in QUESTIONS
        },
    )


def _parameters(database: Database, merchant_id: UUID, question: Question) -> dict[str, str]:
    """What a client would send: the last id of the page before, or where the oldest end."""
    parameters = {"limit": str(PAGE)}
    if question.oldest:
        moment: datetime = _row(database, merchant_id, "created_at", "ASC", OLDEST)
        parameters["created_at[lt]"] = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if question.page > 1:
        before = (question.page - 1) * PAGE - 1
        parameters["starting_after"] = str(_row(database, merchant_id, "id", "DESC", before))
    return parameters


def _row(database: Database, merchant_id: UUID, column: str, order: str, place: int) -> Any:
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute(
            f"SELECT {column} FROM transactions WHERE merchant_id = %s AND environment = 'test'"
            f" ORDER BY id {order} OFFSET %s LIMIT 1",
            [merchant_id, place],
        ).fetchone()
    if row is None:
        raise BenchError(f"a merchant has fewer than {place} rows: more are needed")
    return row[0]


def _time_selector(small: Side, large: Side, options: argparse.Namespace) -> tuple[Times, Times]:
    """Milliseconds of each call, the databases asked in turns; the first turn warms up."""
    found: tuple[Times, Times] = ({}, {})
    for number in range(options.rounds + 1):
        for question in QUESTIONS:
            for side, times in zip((small, large), found, strict=True):
                spent = side.timer.ask(
                    {
                        "do": "time",
                        "merchant_id": str(side.merchants[question.merchant]),
                        "parameters": side.parameters[question],
                        "times": options.times,
                    }
                )
                if number:
                    times.setdefault(question, []).extend(spent)
    return found


def _time_http(
    stack: ExitStack, small: Side, large: Side, options: argparse.Namespace
) -> tuple[Times, Times]:
    """The median of each turn, in milliseconds: one client, one web process per database."""
    found: tuple[Times, Times] = ({}, {})
    webs = [
        stack.enter_context(
            start_web(
                environment=product_environment(side.database),
                workers=1,
                threads=1,
                cores=options.cores,
            )
        )
        for side in (small, large)
    ]
    load = stack.enter_context(load_process(options.cores))
    for number in range(options.rounds + 1):
        for question in QUESTIONS:
            for side, web, times in zip((small, large), webs, found, strict=True):
                load.prepare(
                    port=web.port,
                    requests=[_page_request(side, question)],
                    status=200,
                    fragments=['"object":"list"'],
                )
                run = load.run(clients=1, seconds=options.seconds if number else 0.3)
                if run.failed:
                    raise BenchError(f"a page failed: {run.failures}")
                if number:
                    times.setdefault(question, []).append(run.p50_ms)
    return found


def _page_request(side: Side, question: Question) -> HttpRequest:
    path = f"/v1/transactions?{urlencode(side.parameters[question])}"
    return HttpRequest(path=path, key=side.keys[question.merchant], method="GET")


def _report(result: Result, what: str, times: tuple[Times, Times]) -> None:
    small, large = ({question: median(each) for question, each in side.items()} for side in times)
    ratios = {question: large[question] / small[question] for question in QUESTIONS}
    print_table(
        f"Median {what} time of a page of {PAGE}, in milliseconds",
        ("merchant", "page", "small", "large", "ratio"),
        [
            (
                f"{question.merchant}, oldest" if question.oldest else question.merchant,
                question.page,
                small[question],
                large[question],
                ratios[question],
            )
            for question in QUESTIONS
        ],
    )
    result.figures[what] = {
        question.name: {
            "small_ms": small[question],
            "large_ms": large[question],
            "ratio": ratios[question],
        }
        for question in QUESTIONS
    }
    for question in QUESTIONS:
        if question not in UNBARRED:
            result.bars[f"{what}_{question.name}"] = Bar.at_most(ratios[question], RATIO_LIMIT)
