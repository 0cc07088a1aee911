"""Consumers on the log and in Kafka: after the effect, never before; and what can't be handled."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from django.core.management import CommandError, call_command
from django.db import OperationalError

from payments_project.events.consumers import Consumer, register_consumer
from payments_project.events.errors import Postponed
from payments_project.events.kafka.consume import KafkaRun
from payments_project.events.log_reader import EVERYTHING, Selection
from payments_project.events.logged import LoggedEvent
from payments_project.events.models import DeadLetter
from payments_project.events.run_consumers import log_run
from tests.api_client import Api
from tests.payments_project.events.kafka_reading import (
    consumed,
    header,
    own_topics,
    relaying,
)
from tests.payments_project.events.reading import born_now

LOG, KAFKA = "log", "Kafka"


class Handler:
    """Notes what it is handed, and fails as it is told to."""

    def __init__(self) -> None:
        self.events: list[LoggedEvent] = []
        self.fail: Callable[[LoggedEvent], BaseException | None] = lambda _event: None

    def __call__(self, events: Sequence[LoggedEvent]) -> None:
        for event in events:
            if (error := self.fail(event)) is not None:
                raise error
        self.events += events

    def of(self, *objects: object) -> list[LoggedEvent]:
        wanted = {str(identity) for identity in objects}
        return [event for event in list(self.events) if event.aggregateid in wanted]

    def wait_for(self, count: int, *objects: object, seconds: float = 40) -> list[LoggedEvent]:
        """Its events of ``objects``, once there are so many; and a moment later."""
        deadline = time.monotonic() + seconds
        while len(self.of(*objects)) < count:
            assert time.monotonic() < deadline, f"{len(self.of(*objects))} of {count}"
            time.sleep(0.05)
        time.sleep(0.2)
        return self.of(*objects)


@pytest.fixture(params=[LOG, pytest.param(KAFKA, marks=pytest.mark.stack)])
def source(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """Both ways that events come by."""
    if request.param == LOG:
        yield LOG
        return
    with own_topics(settings), relaying():
        yield KAFKA


pytestmark = pytest.mark.xdist_group("relay")


def consumer_of(handler: Handler, *, objects: Selection = EVERYTHING, batch: int = 50) -> Consumer:
    name = f"test-{uuid.uuid4().hex[:12]}"
    made = Consumer(name=name, handle=handler, objects=objects, batch_events=batch)
    register_consumer(made)
    born_now(made.cursor)
    return made


@contextmanager
def running(consumer: Consumer, source: str) -> Iterator[None]:
    stop = threading.Event()
    run = log_run(consumer, stop=stop) if source == LOG else KafkaRun(consumer, stop=stop)
    thread = threading.Thread(target=run.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def test_a_consumer_is_handed_each_event_in_order(api: Api, source: str) -> None:
    handler = Handler()
    with running(consumer_of(handler), source):
        payment = api.paid()["id"]
        api.patch(f"/v1/transactions/{payment}", {"description": "Lamp"})

        events = handler.wait_for(3, payment)

    assert [(event.type, event.sequence) for event in events] == [
        ("transaction.created", 1),
        ("transaction.succeeded", 2),
        ("transaction.updated", 3),
    ]
    assert events[1].data["object"]["status"] == "succeeded"
    assert events[1].merchant_id == api.scope.merchant_id
    assert events[1].environment == "test"


def test_it_goes_on_where_it_stopped(api: Api, source: str) -> None:
    handler = Handler()
    consumer = consumer_of(handler)
    with running(consumer, source):
        first = api.paid()["id"]
        handler.wait_for(2, first)
    second = api.paid()["id"]
    with running(consumer, source):
        handler.wait_for(2, second)

    assert len(handler.of(first, second)) == 4


def test_it_is_handed_the_objects_that_it_asks_for(api: Api, source: str) -> None:
    handler = Handler()
    cards = Selection(("payment_method",), is_excluded=False)
    with running(consumer_of(handler, objects=cards), source):
        payment = api.paid()
        handler.wait_for(1, payment["payment_method"])

    assert {event.row.aggregatetype for event in handler.events} == {"payment_method"}


@pytest.mark.parametrize(
    "error", [Postponed("not now"), OperationalError("gone"), ConnectionRefusedError()], ids=repr
)
def test_while_an_engine_is_away_it_waits_and_skips_nothing(
    api: Api, source: str, error: BaseException
) -> None:
    handler = Handler()
    failures: list[int] = []

    def fail(event: LoggedEvent) -> BaseException | None:
        if event.type == "transaction.succeeded" and len(failures) < 2:
            failures.append(event.sequence)
            return error
        return None

    handler.fail = fail
    consumer = consumer_of(handler)
    with running(consumer, source):
        payment = api.paid()["id"]
        events = handler.wait_for(2, payment)

    assert failures == [2, 2]
    assert [event.sequence for event in events] == [1, 2]
    assert not DeadLetter.objects.filter(consumer=consumer.name).exists()


def test_an_event_that_can_not_be_handled_is_set_aside_and_the_others_go_on(
    api: Api, source: str, settings: Any
) -> None:
    handler = Handler()
    tried: list[str] = []

    def fail(event: LoggedEvent) -> BaseException | None:
        if event.type == "transaction.succeeded":
            tried.append(event.type)
            return ValueError("4242 of Ada")
        return None

    handler.fail = fail
    consumer = consumer_of(handler)
    with running(consumer, source):
        payment = api.paid()["id"]
        api.patch(f"/v1/transactions/{payment}", {"description": "Lamp"})
        events = handler.wait_for(2, payment)

    assert [event.sequence for event in events] == [1, 3]
    letter = DeadLetter.objects.get(consumer=consumer.name)
    assert (letter.event_type, letter.attempts) == ("transaction.succeeded", 1)
    assert letter.merchant_id == api.scope.merchant_id
    assert letter.cause.startswith("ValueError in tests.payments_project.events.test_consumers.")
    assert "Ada" not in letter.cause
    assert letter.source.startswith("log/" if source == LOG else settings.KAFKA_TOPIC_PREFIX)
    assert len(tried) >= 3
    if source == KAFKA:
        (message,) = [
            message
            for message in consumed(
                settings.KAFKA_TOPIC_PREFIX,
                lambda found: any("dead_letters" in message.topic() for message in found),
            )
            if "dead_letters" in message.topic()
        ]
        assert message.key().decode() == payment
        assert header(message, "ce_type") == "transaction.succeeded"
        assert header(message, "dead_letter_consumer") == consumer.name
        assert header(message, "dead_letter_source") == letter.source
        assert header(message, "dead_letter_cause") == letter.cause


def test_a_dead_letter_is_handed_back_once_its_cause_is_mended(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = Handler()
    handler.fail = lambda event: KeyError("x") if event.type == "transaction.succeeded" else None
    consumer = consumer_of(handler)
    with running(consumer, LOG):
        payment = api.paid()["id"]
        deadline = time.monotonic() + 20
        while not DeadLetter.objects.filter(consumer=consumer.name).exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with pytest.raises(CommandError, match="failed again"):
        call_command("replay_dead_letters", consumer=consumer.name)
    letter = DeadLetter.objects.get(consumer=consumer.name)
    assert (letter.attempts, letter.handled_at) == (2, None)
    call_command("replay_dead_letters", "--dry-run", consumer=consumer.name)
    assert str(letter.pk) in capsys.readouterr().out
    handler.fail = lambda _event: None
    call_command("replay_dead_letters", consumer=consumer.name)

    letter.refresh_from_db()
    assert letter.handled_at is not None
    assert letter.attempts == 3
    assert [event.sequence for event in handler.of(payment)] == [1, 2]
    call_command("replay_dead_letters", consumer=consumer.name)
    assert capsys.readouterr().out.endswith("0 handled, 0 failed again.\n")


def test_a_fault_of_the_statement_is_the_events_own(api: Api) -> None:
    """A statement that always runs into its time limit would else hold up its consumer for ever."""
    handler = Handler()

    def fail(event: LoggedEvent) -> BaseException | None:
        if event.type != "transaction.succeeded":
            return None
        error = OperationalError("canceling statement due to statement timeout")
        error.__cause__ = psycopg.errors.QueryCanceled("canceled")
        return error

    handler.fail = fail
    consumer = consumer_of(handler)
    with running(consumer, LOG):
        payment = api.paid()["id"]
        api.patch(f"/v1/transactions/{payment}", {"description": "Lamp"})
        handler.wait_for(2, payment)

    assert DeadLetter.objects.get(consumer=consumer.name).event_type == "transaction.succeeded"


@pytest.mark.stack
def test_what_is_no_event_of_ours_is_set_aside_with_its_bytes(api: Api, settings: Any) -> None:
    handler = Handler()
    with own_topics(settings) as prefix, relaying():
        consumer = consumer_of(handler)
        with running(consumer, KAFKA):
            payment = api.paid()["id"]
            handler.wait_for(2, payment)
            producer = Producer({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
            producer.produce(f"{prefix}.transaction", key=payment, value=b"\xff not ours")
            assert producer.flush(10) == 0
            later = api.paid()["id"]
            handler.wait_for(2, later)
            deadline = time.monotonic() + 20
            while not DeadLetter.objects.filter(consumer=consumer.name).exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)

    letter = DeadLetter.objects.get(consumer=consumer.name)
    assert bytes(letter.content) == b"\xff not ours"
    assert letter.cause.startswith("no event of ours: ")
    assert letter.event_id is None


@pytest.mark.stack
def test_members_that_come_and_go_skip_nothing(api: Api, settings: Any) -> None:
    handler = Handler()
    with own_topics(settings, partitions=4), relaying():
        consumer = consumer_of(handler, batch=3)
        stop = threading.Event()
        payments: list[str] = []

        def pay() -> None:
            while not stop.is_set():
                payments.append(api.paid()["id"])

        paying = threading.Thread(target=pay)
        with running(consumer, KAFKA):
            paying.start()
            for _ in range(3):
                with running(consumer, KAFKA):
                    time.sleep(2)
                time.sleep(0.5)
            stop.set()
            paying.join()
            handler.wait_for(2 * len(payments), *payments)

    assert len(payments) > 20
    for payment in payments:
        first_seen = list(dict.fromkeys(event.sequence for event in handler.of(payment)))
        assert first_seen == [1, 2]
    assert len({event.id for event in handler.of(*payments)}) == 2 * len(payments)


def test_two_runs_on_the_log_share_no_event(api: Api) -> None:
    handler = Handler()
    consumer = consumer_of(handler)
    with running(consumer, LOG), running(consumer, LOG):
        payments = [api.paid()["id"] for _ in range(5)]
        events = handler.wait_for(10, *payments)

    assert len(events) == 10
