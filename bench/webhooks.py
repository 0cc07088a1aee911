"""Webhooks to a thousand endpoints, a tenth of them dead or slow: how late the well ones hear."""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.db import transaction

from bench.engines import postmaster, redis_process, require_durable
from bench.environment import ROOT, BenchError, Database, bench_database, product_environment
from bench.load import percentile
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.product import product_process
from bench.result import Bar, Result, print_table
from merchants.services.create_customer import create_customer
from merchants.services.create_merchant import create_merchant
from merchants.services.create_webhook_endpoint import create_webhook_endpoint
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import TEST, Scope

LAG_LIMIT_SECONDS = 5.0
# Of the tenth: those that never answer, that answer late, with an error, and that nobody listens at.
DEAD_KINDS = ("silent", "slow", "failing", "refusing")
WELL = "well"
THREADS = 64
DRAIN_SECONDS_MAX = 60


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoints", type=int, default=1_000)
    parser.add_argument("--dead", type=float, default=0.1, help="share of dead and slow ones")
    parser.add_argument("--rate", type=float, default=50.0, help="events per second")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """See docs/benchmarks.md."""
    result = Result("webhooks")
    with bench_database(database, keep=options.keep), ExitStack() as stack:
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        stack.enter_context(pinned([postmaster(database), redis_process()], options.cores))
        receivers = stack.enter_context(_receivers(options.cores))
        scopes = _make_endpoints(options, receivers.port)
        environment = product_environment(database) | {"WEBHOOK_THREADS": str(THREADS)}
        for command in _COMMANDS:
            stack.enter_context(
                product_process(command, cores=options.cores, environment=environment)
            )
        time.sleep(6)
        receivers.take()
        written = _write_events(options, scopes)
        came = _wait_for_well_ones(receivers, written)
        attempts = _attempts(database)
    _report(options, result, written, came, attempts)
    return result


_CELERY = ("-m", "celery", "--app", "payments_project")
_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("manage.py", "consume", "webhooks"),
    (
        *_CELERY, "worker", "--queues=webhooks", "--pool=threads", f"--concurrency={THREADS}",
        "--loglevel=ERROR", "--without-gossip", "--without-mingle",
    ),
    (*_CELERY, "worker", "--concurrency=1", "--loglevel=ERROR", "--hostname=sweeps@%h"),
    (*_CELERY, "beat", "--scheduler=redbeat.RedBeatScheduler", "--loglevel=ERROR", "--pidfile="),
)  # fmt: skip


class _Receivers:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._line())

    def take(self) -> list[tuple[str, int, float, float]]:
        """What came since the last time: kind, number, when, and the event's own time."""
        assert self._process.stdin is not None  # noqa: S101 (a pipe)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [
            (kind, number, at, datetime.fromisoformat(created).timestamp())
            for kind, number, at, created in json.loads(self._line())
        ]

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 (a pipe)
        return self._process.stdout.readline()


@contextmanager
def _receivers(cores: Sequence[int]) -> Iterator[_Receivers]:
    process = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, cores)), sys.executable, "-m", "bench.receivers"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Receivers(process)
    finally:
        if process.stdin:
            process.stdin.close()
        process.kill()
        process.wait()


def _make_endpoints(options: argparse.Namespace, port: int) -> list[tuple[Scope, str]]:
    """A merchant with one endpoint each, and of which kind that is."""
    dead = round(options.endpoints * options.dead)
    scopes = []
    for number in range(options.endpoints):
        kind = DEAD_KINDS[number % len(DEAD_KINDS)] if number < dead else WELL
        merchant = create_merchant(
            actor=SYSTEM,
            business_name=f"Hooks {number}",
            email=f"bench-{uuid4().hex}@example.com",
        )
        scope = Scope(merchant.pk, TEST)
        # Nobody listens at port 1024, as far as a bench can know.
        place = 1024 if kind == "refusing" else port
        with transaction.atomic():
            create_webhook_endpoint(
                scope=scope,
                actor=SYSTEM,
                url=f"http://127.0.0.1:{place}/{kind}/{number}",
                enabled_events=["customer.created"],
            )
        scopes.append((scope, kind))
    return scopes


def _write_events(options: argparse.Namespace, scopes: Sequence[tuple[Scope, str]]) -> Counter[str]:
    """Events at an even rate, each of the next merchant; how many by kind of endpoint."""
    written: Counter[str] = Counter()
    started = time.monotonic()
    for number in range(int(options.rate * options.seconds)):
        ahead = started + number / options.rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        # A step that no number of endpoints shares a factor with, so that kinds are mixed.
        scope, kind = scopes[number * 7919 % len(scopes)]
        _write_event(scope)
        written[kind] += 1
    late = time.monotonic() - started - options.seconds
    if late > options.seconds * 0.05:
        raise BenchError(f"the events could not be written at that rate: {late:.0f} s late")
    return written


def _write_event(scope: Scope) -> UUID:
    made: UUID = run_in_transaction(lambda: create_customer(scope=scope, actor=SYSTEM)).pk
    return made


def _wait_for_well_ones(
    receivers: _Receivers, written: Counter[str]
) -> list[tuple[str, int, float, float]]:
    came: list[tuple[str, int, float, float]] = []
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while time.monotonic() < deadline:
        came += receivers.take()
        if sum(kind == WELL for kind, *_ in came) >= written[WELL]:
            break
        time.sleep(0.5)
    return came


def _attempts(database: Database) -> dict[str, Any]:
    with psycopg.connect(database.app_url) as connection:
        rows = connection.execute(
            "SELECT coalesce(error, response_status::text), count(*), max(duration_ms)"
            "  FROM webhook_attempts GROUP BY 1 ORDER BY 2 DESC"
        ).fetchall()
    return {str(row[0]): {"attempts": row[1], "longest_ms": row[2]} for row in rows}


def _report(
    options: argparse.Namespace,
    result: Result,
    written: Counter[str],
    came: Sequence[tuple[str, int, float, float]],
    attempts: dict[str, Any],
) -> None:
    lags = sorted(at - created for kind, _, at, created in came if kind == WELL)
    p50, p99 = percentile(lags, 0.5), percentile(lags, 0.99)
    print_table(
        f"{options.endpoints:,} endpoints, {options.dead:.0%} dead or slow, {options.rate:g} events/s"
        f" for {options.seconds:g} s",
        ("what", "figure"),
        [
            ("events of well endpoints", written[WELL]),
            ("webhooks that came there", len(lags)),
            ("lag p50 ms", p50 * 1000),
            ("lag p99 ms", p99 * 1000),
            ("lag max ms", lags[-1] * 1000 if lags else 0.0),
            ("events of dead and slow ones", sum(written.values()) - written[WELL]),
        ],
    )
    print_table(
        "Attempts by answer",
        ("answer", "attempts", "longest ms"),
        [(name, found["attempts"], found["longest_ms"]) for name, found in attempts.items()],
    )
    result.figures |= {
        "options": {
            name: getattr(options, name) for name in ("endpoints", "dead", "rate", "seconds")
        },
        "lag_p50_ms": p50 * 1000,
        "lag_p99_ms": p99 * 1000,
        "attempts": attempts,
    }
    result.bars["well_lag_p99_seconds"] = Bar.at_most(p99, LAG_LIMIT_SECONDS)
    result.bars["webhooks_missing"] = Bar.at_most(max(0, written[WELL] - len(lags)), 0)
