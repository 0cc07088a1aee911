"""The log to Kafka: events per second against a bare producer, and the lag under payments."""

import argparse
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from statistics import median

import psycopg
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from django.conf import settings

from bench.engines import checkpoint, postmaster, redis_process, require_durable
from bench.environment import (
    BenchError,
    Database,
    bench_database,
    product_environment,
    required,
)
from bench.load import percentile
from bench.load_process import LoadRun, load_process
from bench.machine import machine_facts
from bench.processes import choose_cores, pinned
from bench.product import product_process
from bench.reader_seconds import reader_seconds
from bench.result import Bar, Result, print_table
from bench.tenants import make_tenants, payment_request
from bench.web import THREADS, WORKERS, start_web
from payments_project.events.kafka.clients import make_producer
from payments_project.events.kafka.messages import encode
from payments_project.events.kafka.relay import relay_cursor, run_relay
from payments_project.events.kafka.topics import ensure_topics, topic_of
from payments_project.events.lag import read_lag
from payments_project.events.logged import COLUMNS, EventRow

RATE_LIMIT = 10_000.0
RATIO_LIMIT = 0.5
LAG_LIMIT_SECONDS = 1.0
GROUP = "transactions"
CLIENTS = 8
CREATED = 201

# Payments' events as the product writes them, the payload included.
_FILL = """
INSERT INTO events (aggregatetype, aggregateid, type, sequence, payload, merchant_id, environment,
                    actor_kind, actor_id, request_id)
SELECT 'transaction', payment.id::text, kind.type, kind.sequence,
       jsonb_build_object('object', jsonb_build_object(
           'id', payment.id, 'object', 'transaction', 'environment', 'test', 'amount', 2500,
           'captured_amount', 2500, 'refunded_amount', 0, 'fee_amount', 103, 'net_amount', 2397,
           'currency', 'USD', 'status', 'succeeded', 'failure', NULL, 'customer', NULL,
           'payment_method', 'pm_' || md5(payment.id::text), 'payment_method_type', 'card',
           'card', jsonb_build_object('brand', 'visa', 'last_four', '4242'),
           'gateway', jsonb_build_object('name', 'simulator', 'transaction_id', payment.id),
           'risk', jsonb_build_object('score', 0.1, 'level', 'low'),
           'compliance_status', 'pending'),
           'previous_attributes', jsonb_build_object('status', 'pending')),
       payment.merchant_id, 'test', 'api_key', payment.merchant_id, 'req_' || md5(payment.id::text)
  FROM (SELECT uuidv7() AS id, uuidv7() AS merchant_id FROM generate_series(1, %s)) AS payment
 CROSS JOIN (VALUES ('transaction.created', 1), ('transaction.succeeded', 2)) AS kind (type, sequence)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=100_000, help="in the log for each round")
    parser.add_argument("--rounds", type=int, default=5, help="of relay and bare producer in turns")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="payments while lag is measured"
    )
    parser.add_argument("--cores", type=int, nargs="+", default=choose_cores(2))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """See docs/benchmarks.md for what each figure means."""
    required("KAFKA_BOOTSTRAP_SERVERS")
    result = Result("events")
    with bench_database(database, keep=options.keep), _own_topics():
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        with pinned([postmaster(database), redis_process(), os.getpid()], options.cores):
            _throughput(options, database, result)
        _lag(options, database, result)
    return result


@contextmanager
def _own_topics() -> Iterator[None]:
    """Topics of the bench's own, dropped at its end."""
    settings.KAFKA_TOPIC_PREFIX = prefix = f"bench-{uuid.uuid4().hex[:8]}"
    os.environ["KAFKA_TOPIC_PREFIX"] = prefix
    try:
        yield
    finally:
        admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
        names = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
        for done in admin.delete_topics(names).values():
            done.result(20)


# Throughput.


def _throughput(options: argparse.Namespace, database: Database, result: Result) -> None:
    ensure_topics([topic_of("transaction"), _bare_topic()])
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        before = owner.execute("SELECT pg_current_snapshot()::text").fetchone()
        owner.execute(_FILL, [options.events // 2])
        owner.execute("VACUUM ANALYZE events")
        rows = owner.execute(f"SELECT {COLUMNS} FROM events ORDER BY position").fetchall()
    checkpoint(database)
    events = [EventRow._make(row) for row in rows if row[1] == "transaction"]
    relayed, bare = [], []
    # One round that is not counted: it makes connections and warms both sides up.
    for number in range(options.rounds + 1):
        seconds = {
            "relay": _relay_seconds(database, str(before[0] if before else ""), events[-1]),
            "bare": _bare_seconds(events),
        }
        if number:
            relayed.append(len(events) / seconds["relay"])
            bare.append(len(events) / seconds["bare"])
            print(f"round {number}: relay {relayed[-1]:,.0f}/s, bare {bare[-1]:,.0f}/s", flush=True)
    ratio = median(ours / theirs for ours, theirs in zip(relayed, bare, strict=True))
    print_table(
        f"{len(events):,} events from the log to Kafka, medians of {options.rounds} rounds",
        ("how", "events/s"),
        [("relay", median(relayed)), ("bare producer", median(bare)), ("ratio", ratio)],
    )
    result.figures["relay_events_per_second"] = median(relayed)
    result.figures["bare_events_per_second"] = median(bare)
    result.figures["ratio"] = ratio
    limit = min(RATE_LIMIT, RATIO_LIMIT * median(bare))
    result.bars["relay_events_per_second"] = Bar.at_least(median(relayed), limit)


def _relay_seconds(database: Database, before: str, last: EventRow) -> float:
    """The relay's own code, from its start to its cursor behind the last event."""
    return reader_seconds(
        database,
        cursor=relay_cursor(GROUP),
        before=before,
        last=last.position,
        run=lambda stop: run_relay([GROUP], stop=stop),
    )


def _bare_topic() -> str:
    return f"{settings.KAFKA_TOPIC_PREFIX}.bare"


def _bare_seconds(events: Sequence[EventRow]) -> float:
    """The same messages, made beforehand, by a producer with the same settings."""
    topic = _bare_topic()
    messages = [encode(row) for row in events]
    producer = make_producer()
    failures: list[object] = []

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failures.append(error)

    started = time.perf_counter()
    for _, key, value, headers in messages:
        while True:
            with suppress(BufferError):
                producer.produce(
                    topic, key=key, value=value, headers=headers, on_delivery=delivered
                )
                break
            producer.poll(0.01)
        producer.poll(0)
    producer.flush()
    seconds = time.perf_counter() - started
    if failures:
        raise BenchError(f"Kafka refused: {failures[0]}")
    return seconds


# Lag.


def _lag(options: argparse.Namespace, database: Database, result: Result) -> None:
    """Payments with 8 clients, the relay as a process, and a consumer that notes when each comes."""
    tenants = make_tenants(count=100, cards_each=1)
    environment = product_environment(database)
    with ExitStack() as stack:
        stack.enter_context(pinned([postmaster(database), redis_process()], options.cores))
        web = stack.enter_context(
            start_web(
                environment=environment, workers=WORKERS, threads=THREADS, cores=options.cores
            )
        )
        load = stack.enter_context(load_process(options.cores))
        load.prepare(
            port=web.port,
            requests=[payment_request(tenant, token=tenant.tokens[0]) for tenant in tenants],
            status=CREATED,
            fragments=['"status":"succeeded"'],
        )
        load.run(clients=CLIENTS, seconds=3.0)
        without = load.run(clients=CLIENTS, seconds=options.seconds)
        stack.enter_context(
            product_process(
                ["manage.py", "relay_events"], cores=options.cores, environment=environment
            )
        )
        lags: list[float] = []
        stack.enter_context(_noting(lags))
        # What was written without a relay is no lag of its.
        _wait_for(_relay_has_read_all, seconds=60)
        load.run(clients=CLIENTS, seconds=3.0)
        lags.clear()
        with_relay = load.run(clients=CLIENTS, seconds=options.seconds)
        _wait_for(lambda: len(lags) >= 2 * with_relay.answers, seconds=60)
    _report_lag(result, sorted(lags), without, with_relay)


def _relay_has_read_all() -> bool:
    (relay,) = (lag for lag in read_lag() if lag.name == relay_cursor(GROUP))
    return relay.is_active and not relay.unread


def _report_lag(
    result: Result, lags: Sequence[float], without: LoadRun, with_relay: LoadRun
) -> None:
    p50, p99 = percentile(list(lags), 0.5), percentile(list(lags), 0.99)
    print_table(
        f"From the event's row to the consumer, while {CLIENTS} clients pay",
        ("what", "figure"),
        [
            ("events", len(lags)),
            ("lag p50 ms", p50 * 1000),
            ("lag p99 ms", p99 * 1000),
            ("lag max ms", lags[-1] * 1000 if lags else 0.0),
            ("payments/s", with_relay.per_second),
            ("payments/s without relay and consumer", without.per_second),
        ],
    )
    result.figures["lag_p50_ms"] = p50 * 1000
    result.figures["lag_p99_ms"] = p99 * 1000
    result.figures["payments_per_second"] = with_relay.per_second
    result.figures["payments_per_second_without"] = without.per_second
    result.bars["lag_p99_seconds"] = Bar.at_most(p99, LAG_LIMIT_SECONDS)
    result.bars["failed_payments"] = Bar.at_most(with_relay.failed, 0)


@contextmanager
def _noting(lags: list[float]) -> Iterator[None]:
    """A consumer of its own in this process: seconds from each event's time to its arrival."""
    stop, assigned = threading.Event(), threading.Event()
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "latest",
            "enable.auto.commit": False,
        }
    )
    # A consumer is one thread's: another that asks it anything may wait for ever.
    consumer.subscribe([topic_of("transaction")], on_assign=lambda *_: assigned.set())

    def note() -> None:
        while not stop.is_set():
            for message in consumer.consume(500, 0.1):
                if message.error():
                    continue
                headers = dict(message.headers() or [])
                lags.append(time.time() - _moment(headers["ce_time"]))

    thread = threading.Thread(target=note)
    thread.start()
    try:
        _wait_for(assigned.is_set, seconds=60)
        yield
    finally:
        stop.set()
        thread.join()
        consumer.close()


def _moment(text: str | bytes | None) -> float:
    return datetime.fromisoformat(text.decode() if isinstance(text, bytes) else "").timestamp()


def _wait_for(is_so: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise BenchError(f"not all events came within {seconds:g} s")
        time.sleep(0.05)
