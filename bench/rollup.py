"""The daily summaries of a day of a million payments, against the bare INSERT ... SELECT."""

import argparse
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from analytics.daily_summaries import SummaryKey
from analytics.services.mark_days_due import mark_days_due
from analytics.services.roll_up_due_days import roll_up_due_days
from analytics.services.roll_up_whole_days import roll_up_day
from bench.engines import checkpoint, postmaster, require_durable
from bench.environment import BenchError, Database, bench_database
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.result import Bar, Result, print_table
from bench.rollup_data import MONTHS, BusyDay, fill
from disputes.reason_codes import FRAUD

RATIO_LIMIT = 1.5
DAY_PART = 10
REFUNDS = 20

WHOLE, ANEW, DUE, BARE = "whole day again", "whole day, no rows yet", "all marked as due", "bare"

_COLUMNS = (
    "merchant_id, environment, summary_date, currency, transaction_count, successful_count,"
    " failed_count, refunded_count, gross_amount, fee_amount, net_amount, refunded_amount,"
    " high_risk_count, dispute_count, fraud_count"
)
_BARE_TABLE = f"""
CREATE TABLE bench_bare_summaries AS
SELECT {_COLUMNS} FROM daily_transaction_summaries WITH NO DATA
"""
# What somebody would write who knows the tables and needs it once: no product code in it.
_BARE = f"""
INSERT INTO bench_bare_summaries ({_COLUMNS})
SELECT merchant_id, environment, %(day)s::date, currency, count(*),
       count(*) FILTER (WHERE successful), count(*) FILTER (WHERE status = 'failed'),
       count(refunded.amount), coalesce(sum(captured_amount) FILTER (WHERE successful), 0),
       coalesce(sum(fee_amount) FILTER (WHERE successful), 0),
       coalesce(sum(captured_amount - fee_amount) FILTER (WHERE successful), 0),
       coalesce(sum(refunded.amount), 0), count(*) FILTER (WHERE risk_level = 'high'),
       count(disputed.is_fraud), count(*) FILTER (WHERE disputed.is_fraud)
  FROM (SELECT *, status IN ('succeeded', 'refunded', 'disputed') AS successful
          FROM transactions WHERE id >= uuidv7_floor(%(start)s) AND id < uuidv7_floor(%(end)s)
       ) AS payment
  LEFT JOIN (SELECT transaction_id, sum(amount) AS amount FROM refunds
              WHERE status = 'succeeded' AND transaction_id >= uuidv7_floor(%(start)s)
                AND transaction_id < uuidv7_floor(%(end)s) GROUP BY transaction_id) AS refunded
    ON refunded.transaction_id = payment.id
  LEFT JOIN (SELECT transaction_id, coalesce(bool_or(reason_code = ANY(%(fraud)s)), false)
                    AS is_fraud FROM disputes
              WHERE dispute_type = 'chargeback' AND transaction_id >= uuidv7_floor(%(start)s)
                AND transaction_id < uuidv7_floor(%(end)s) GROUP BY transaction_id) AS disputed
    ON disputed.transaction_id = payment.id
 GROUP BY merchant_id, environment, currency
"""
_DIFFERENT = f"""
WITH ours AS (SELECT {_COLUMNS} FROM daily_transaction_summaries WHERE summary_date = %(day)s)
SELECT count(*) FROM ((SELECT * FROM ours EXCEPT SELECT * FROM bench_bare_summaries)
                      UNION ALL (SELECT * FROM bench_bare_summaries EXCEPT SELECT * FROM ours)) AS d
"""
# A refund of a payment of an old day, as the service leaves it.
_REFUND = """
WITH payment AS (
    SELECT id FROM transactions
     WHERE id >= uuidv7_floor(%(start)s) AND id < uuidv7_floor(%(end)s)
       AND status = 'succeeded' AND refunded_amount = 0
     ORDER BY id OFFSET %(place)s LIMIT 1
), refunded AS (
    UPDATE transactions SET refunded_amount = amount / 3, updated_at = now()
      FROM payment WHERE transactions.id = payment.id
    RETURNING transactions.id, merchant_id, environment, currency, refunded_amount
), refund AS (
    INSERT INTO refunds (transaction_id, merchant_id, environment, amount, currency, status)
    SELECT id, merchant_id, environment, refunded_amount, currency, 'succeeded' FROM refunded
)
SELECT merchant_id, environment, currency FROM refunded
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="payments in 36 months")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each way")
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """All on one server in turns; a tenth of the payments are of one day."""
    result = Result("rollup")
    with bench_database(database, keep=options.keep):
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        started = time.perf_counter()
        day = fill(database, rows=options.rows, day_rows=options.rows // DAY_PART)
        print(f"{options.rows:,} payments in {time.perf_counter() - started:.0f} s", flush=True)
        _create_bare_table(database)
        with pinned([postmaster(database), os.getpid()], options.cores):
            _measure_day(result, database, day, options.rounds)
            _measure_refunds(result, day)
        result.figures["rows"] = {"all": options.rows, "day": day.payments, "months": MONTHS}
    return result


def _create_bare_table(database: Database) -> None:
    role = urlsplit(database.app_url).username
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(_BARE_TABLE.encode())
        owner.execute(f'GRANT ALL ON bench_bare_summaries TO "{role}"'.encode())


def _measure_day(result: Result, database: Database, day: BusyDay, rounds: int) -> None:
    ways: dict[str, tuple[Callable[[], None], Callable[[], object]]] = {
        WHOLE: (_nothing, lambda: roll_up_day(day.start.date())),
        BARE: (_empty_bare, lambda: _roll_up_bare(day)),
        ANEW: (lambda: _forget(day), lambda: roll_up_day(day.start.date())),
        DUE: (lambda: _mark_all(day), roll_up_due_days),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    checkpoint(database)
    # One round more than is counted; every other one goes the other way round.
    for number in range(rounds + 1):
        for name in list(ways) if number % 2 else reversed(list(ways)):
            prepare, roll_up = ways[name]
            prepare()
            began = time.perf_counter()
            roll_up()
            if number:
                seconds[name].append(time.perf_counter() - began)
    medians = {name: median(times) for name, times in seconds.items()}
    summaries = _value("SELECT count(*) FROM bench_bare_summaries")
    print_table(
        f"A day of {day.payments:,} payments, {summaries:,} summaries; medians of {rounds}",
        ("how", "seconds", "payments/s", "ratio to bare"),
        [
            (name, spent, day.payments / spent, spent / medians[BARE])
            for name, spent in medians.items()
        ],
    )
    for name, spent in medians.items():
        result.figures[name] = {"seconds": spent, "ratio": spent / medians[BARE]}
    result.bars["whole_day"] = Bar.at_most(medians[WHOLE] / medians[BARE], RATIO_LIMIT)
    result.bars["whole_day_anew"] = Bar.at_most(medians[ANEW] / medians[BARE], RATIO_LIMIT)
    different = _value(_DIFFERENT, day=day.start.date())
    result.bars["summaries_that_differ"] = Bar.at_most(different, 0)


def _measure_refunds(result: Result, day: BusyDay) -> None:
    """Refunds one at a time on the busy day and on an ordinary one: what each recomputes."""
    rows = []
    written: set[int] = set()
    for name, start in (("busy", day.start), ("ordinary", day.start - timedelta(days=400))):
        roll_up_day(start.date())
        spent = []
        for number in range(REFUNDS):
            key = _refund(start, place=number * 7)
            mark_days_due([key])
            before = datetime.now(UTC)
            began = time.perf_counter()
            if roll_up_due_days() != 1:
                raise BenchError("one refund has more than one summary computed, or none")
            spent.append((time.perf_counter() - began) * 1000)
            written.add(_value(_WRITTEN, since=before))
        payments = _value(_PAYMENTS, **_ends(start))
        rows.append((name, payments, median(spent), max(spent)))
        result.figures[f"refund_on_a_{name}_day"] = {
            "payments_of_the_day": payments,
            "median_ms": median(spent),
            "max_ms": max(spent),
        }
    print_table(
        f"A refund's summary, medians of {REFUNDS} refunds",
        ("day", "payments", "ms", "slowest"),
        rows,
    )
    result.bars["rows_written_by_a_refund"] = Bar.at_most(max(written), 1)


_WRITTEN = "SELECT count(*) FROM daily_transaction_summaries WHERE updated_at >= %(since)s"
_PAYMENTS = (
    "SELECT count(*) FROM transactions"
    " WHERE id >= uuidv7_floor(%(start)s) AND id < uuidv7_floor(%(end)s)"
)


def _refund(start: datetime, *, place: int) -> SummaryKey:
    with connection.cursor() as cursor:
        cursor.execute(_REFUND, {**_ends(start), "place": place})
        merchant_id, environment, currency = cursor.fetchone()
    return SummaryKey(merchant_id, environment, start.date(), currency)


def _ends(start: datetime) -> dict[str, datetime]:
    return {"start": start, "end": start + timedelta(days=1)}


def _nothing() -> None:
    """The rows are there from the turn before."""


def _empty_bare() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_bare_summaries")


def _roll_up_bare(day: BusyDay) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET transaction_timeout = 0")
        cursor.execute(_BARE, {"day": day.start.date(), **_ends(day.start), "fraud": list(FRAUD)})


def _forget(day: BusyDay) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM daily_transaction_summaries WHERE summary_date = %s", [day.start.date()]
        )


def _mark_all(day: BusyDay) -> None:
    """Every summary of the day is due, and none is too fresh to be computed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO summary_days_due (merchant_id, environment, summary_date, currency)"
            " SELECT merchant_id, environment, summary_date, currency"
            " FROM daily_transaction_summaries WHERE summary_date = %s",
            [day.start.date()],
        )


def _value(statement: str, **values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
