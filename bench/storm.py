"""The relay killed at random and the broker away, while eight writers write: nothing lost, nothing
out of order."""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

import psycopg
from confluent_kafka import Consumer

from bench.engines import require_durable
from bench.environment import ROOT, BenchError, Database, bench_database, product_environment
from bench.machine import machine_facts
from bench.result import Bar, Result, print_table
from payments_project.local import kafka, processes
from payments_project.local.folder import DataFolder
from payments_project.local.processes import Child
from payments_project.local.terminal import Step

WRITERS = 8
OBJECTS = 400
# Between a relay's start and its end: some die while they start, some in the middle of a page.
RELAY_SECONDS = (0.5, 4.0)
DRAIN_SECONDS_MAX = 180

_WRITE = """
WITH counted AS (
    UPDATE merchants SET event_sequence = event_sequence + 1 WHERE id = %(object)s
    RETURNING event_sequence
)
INSERT INTO events (aggregatetype, aggregateid, type, sequence, payload, merchant_id, environment,
                    actor_kind)
SELECT 'merchant', %(object)s::text, 'merchant.updated', event_sequence, '{}', %(object)s, 'live',
       'system'
  FROM counted
"""
_WITHOUT_LIMITS = """
SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0
"""


@dataclass(slots=True)
class Storm:
    """What is done to the relay: ``database_url`` is where it reads, ``folder`` its broker's."""

    database_url: str
    environment: Mapping[str, str]
    folder: DataFolder
    events: int
    kills: int
    away_seconds: float
    seed: int
    prefix: str = field(default_factory=lambda: f"storm-{uuid.uuid4().hex[:8]}")


@dataclass(slots=True)
class Outcome:
    """What was written and what Kafka had of it, by the event's id."""

    written: int = 0
    messages: int = 0
    lost: int = 0
    out_of_order: int = 0
    strange: int = 0
    kills: int = 0
    seconds: float = 0.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=100, help="of the relay, by -9")
    parser.add_argument("--away", type=float, default=120.0, help="seconds without the broker")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", action="store_true", help="leave the bench's database behind")


def run(options: argparse.Namespace, database: Database) -> Result:
    """See docs/benchmarks.md."""
    result = Result("storm")
    folder = DataFolder.named(".local-bench-storm")
    folder.make()
    print(f"seed {options.seed}", flush=True)
    with bench_database(database, keep=options.keep):
        result.figures["durability"] = require_durable(database)
        result.figures["machine"] = machine_facts(database)
        outcome = weather(
            Storm(
                database_url=database.app_url,
                environment=product_environment(database),
                folder=folder,
                events=options.events,
                kills=options.kills,
                away_seconds=options.away,
                seed=options.seed,
            )
        )
    print_table(
        f"{WRITERS} writers, one transaction left open, {outcome.kills} kills of the relay, the"
        f" broker away for {options.away:g} s; {outcome.seconds:.0f} s in all",
        ("what", "count"),
        [
            ("events written", outcome.written),
            ("messages in Kafka", outcome.messages),
            ("of them again, with the same id", outcome.messages - outcome.written + outcome.lost),
            ("lost", outcome.lost),
            ("out of order", outcome.out_of_order),
            ("of another content, or of nothing written", outcome.strange),
        ],
    )
    result.figures |= {
        "seed": options.seed,
        "events": outcome.written,
        "messages": outcome.messages,
        "kills": outcome.kills,
        "away_seconds": options.away,
    }
    result.bars["events_lost"] = Bar.at_most(outcome.lost, 0)
    result.bars["events_out_of_order"] = Bar.at_most(outcome.out_of_order, 0)
    result.bars["strange_messages"] = Bar.at_most(outcome.strange, 0)
    result.bars["kills"] = Bar.at_least(outcome.kills, options.kills)
    return result


def weather(storm: Storm) -> Outcome:
    """Lets the storm go on until all is written and every kill is done, and compares."""
    started = time.monotonic()
    outcome = Outcome()
    with _broker(storm) as broker, psycopg.connect(storm.database_url) as left_open:
        made = _make_objects(storm.database_url)
        objects = made[1:]
        left_open.execute(_WITHOUT_LIMITS)
        left_open.execute(_WRITE, {"object": made[0]})
        relays = _Relays(storm, broker.address)
        threads = [
            threading.Thread(target=_write, args=(storm, number, objects))
            for number in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        away = threading.Thread(target=broker.leave_and_return)
        away.start()
        outcome.kills = relays.kill_at_random()
        for thread in (*threads, away):
            thread.join()
        left_open.commit()
        with relays.one():
            _compare(storm, broker.address, made, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


# Writers.


def _make_objects(url: str) -> list[str]:
    with psycopg.connect(url, autocommit=True) as database:
        rows = database.execute(
            "INSERT INTO merchants (business_name, email, address)"
            " SELECT 'Storm', gen_random_uuid() || '@example.com', '{}'"
            "   FROM generate_series(1, %s) RETURNING id::text",
            [OBJECTS],
        ).fetchall()
    return sorted(row[0] for row in rows)


def _write(storm: Storm, number: int, objects: list[str]) -> None:
    """A share of the events: one to three in a transaction, some of which are rolled back."""
    dice = random.Random(storm.seed * 100 + number)
    left = storm.events // WRITERS
    # So that writing lasts about as long as the kills do.
    pause = storm.kills * sum(RELAY_SECONDS) / (storm.events / WRITERS)
    with psycopg.connect(storm.database_url) as database:
        while left > 0:
            chosen = sorted(dice.sample(objects, min(left, dice.randint(1, 3))))
            for identity in chosen:
                database.execute(_WRITE, {"object": identity})
            time.sleep(dice.random() * pause * len(chosen))
            if dice.random() < 0.05:
                database.rollback()
            else:
                database.commit()
                left -= len(chosen)


# The relay and the broker.


class _Relays:
    """Relays as processes, one after the other."""

    def __init__(self, storm: Storm, address: str) -> None:
        self._storm = storm
        self._address = address

    def kill_at_random(self) -> int:
        dice = random.Random(self._storm.seed)
        for _ in range(self._storm.kills):
            process = self._start()
            with suppress(subprocess.TimeoutExpired):
                # Nothing but a signal may end it.
                code = process.wait(1.5 + dice.uniform(*RELAY_SECONDS))
                raise BenchError(f"the relay ended by itself with {code}")
            process.send_signal(signal.SIGKILL)
            process.wait()
        return self._storm.kills

    @contextmanager
    def one(self) -> Iterator[None]:
        """The last one, which may end in peace."""
        process = self._start()
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "relay_events"],
            cwd=ROOT,
            env=os.environ
            | dict(self._storm.environment)
            | {
                "DATABASE_URL": self._storm.database_url,
                "KAFKA_BOOTSTRAP_SERVERS": self._address,
                "KAFKA_TOPIC_PREFIX": self._storm.prefix,
                "KAFKA_REPLICATION_FACTOR": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


class _Broker:
    """A broker of the storm's own, which leaves and returns with its log."""

    def __init__(self, child: Child, storm: Storm) -> None:
        self.child = child
        self.address = child.running.address or ""
        self._storm = storm

    def leave_and_return(self) -> None:
        """In the middle of it."""
        time.sleep(max(3.0, self._storm.kills * 0.6))
        processes.stop(self.child)
        time.sleep(self._storm.away_seconds)
        self.child = processes.start_again(self.child)


@contextmanager
def _broker(storm: Storm) -> Iterator[_Broker]:
    if not kafka.is_fetched():
        raise BenchError("Kafka's files are not there: ./dev stack up fetches them")
    broker = _Broker(kafka.launch(storm.folder), storm)
    try:
        kafka.wait_until_ready(broker.child, Step("Kafka"))
        yield broker
    finally:
        processes.stop(broker.child)


# What Kafka has.


def _compare(storm: Storm, address: str, objects: Sequence[str], outcome: Outcome) -> None:
    """Of the storm's own objects: there may be others in the log."""
    with psycopg.connect(storm.database_url) as database:
        rows = database.execute(
            "SELECT id::text, aggregateid, sequence FROM events WHERE aggregateid = ANY(%s)",
            [list(objects)],
        ).fetchall()
    own = set(objects)
    written = {row[0]: (row[1], row[2]) for row in rows}
    outcome.written = len(written)
    seen: set[str] = set()
    newest: defaultdict[str, int] = defaultdict(int)
    for event_id, key, sequence in _messages(storm, address, lambda: len(seen) >= len(written)):
        if key not in own:
            continue
        outcome.messages += 1
        if written.get(event_id) != (key, sequence):
            outcome.strange += 1
        elif event_id not in seen:
            seen.add(event_id)
            outcome.out_of_order += sequence != newest[key] + 1
            newest[key] = sequence
    outcome.lost = len(written) - len(seen)


def _messages(
    storm: Storm, address: str, enough: Callable[[], bool]
) -> Iterator[tuple[str, str, int]]:
    """Every message of the topic from its beginning: the event's id, its object and its number."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([f"{storm.prefix}.merchant"])
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    quiet_since = time.monotonic()
    try:
        # A moment after the last one, so that what should not come is seen too.
        while time.monotonic() < deadline and not (enough() and time.monotonic() - quiet_since > 3):
            for message in consumer.consume(1_000, 0.5):
                if message.error():
                    continue
                quiet_since = time.monotonic()
                headers = dict(cast(list[tuple[str, bytes]], message.headers() or []))
                yield (
                    headers["ce_id"].decode(),
                    (message.key() or b"").decode(),
                    int(headers["ce_sequence"]),
                )
    finally:
        consumer.close()
