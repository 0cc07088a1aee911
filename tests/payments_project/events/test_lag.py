"""How far readers are, told from real cursors, locks and offsets."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from payments_project.events import lag as lags
from payments_project.events.consumers import Consumer, register_consumer
from payments_project.events.errors import Postponed
from payments_project.events.kafka.consume import KafkaRun, group_of
from payments_project.events.kafka.lag import read_group_lag
from payments_project.events.lag import ReaderLag, oldest_transaction_seconds, read_lag
from payments_project.events.log_reader import EVERYTHING, Selection
from payments_project.events.logged import LoggedEvent
from payments_project.events.reader_connection import reader_connection
from tests.api_client import Api
from tests.payments_project.events.kafka_reading import own_topics, relaying
from tests.payments_project.events.reading import born_now, reading, take_all

# Readers see what all tests write: none of the other groups' may come in between.
pytestmark = pytest.mark.xdist_group("relay")


def lag_of(name: str) -> ReaderLag:
    return next(lag for lag in read_lag() if lag.name == name)


def a_consumer(selection: Selection = EVERYTHING, handle: Any = None) -> Consumer:
    consumer = Consumer(
        name=f"test_{uuid.uuid4().hex[:8]}",
        handle=handle or (lambda _events: None),
        objects=selection,
    )
    register_consumer(consumer)
    return consumer


@pytest.fixture(autouse=True)
def _no_kafka(settings: Any) -> None:
    """Whose readers are expected depends on it."""
    settings.KAFKA_BOOTSTRAP_SERVERS = ""


@pytest.fixture
def paying(api: Api) -> Callable[[int], None]:
    """Pays so many times; each payment has two events."""
    card = api.card()

    def pay(count: int) -> None:
        for _ in range(count):
            body = {"amount": 100, "currency": "USD", "payment_method": card}
            assert api.post("/v1/transactions", body).status_code == 201

    return pay


def test_a_reader_that_has_read_everything_waits(paying: Callable[[int], None]) -> None:
    name = born_now(a_consumer().cursor)
    with reader_connection("tests") as opened:
        assert opened.try_lock(name)
        lag = lag_of(name)
    assert (lag.unread, lag.has_more, lag.seconds, lag.is_active) == (0, False, 0, True)
    assert lag.state == lags.WAITING
    assert datetime.now(UTC) - lag.updated_at < timedelta(minutes=1)


def test_what_is_unread_is_counted_with_its_age(paying: Callable[[int], None]) -> None:
    name = born_now(a_consumer().cursor)
    paying(3)
    time.sleep(0.3)
    lag = lag_of(name)
    assert (lag.unread, lag.has_more, lag.unread_words) == (6, False, "6")
    assert 0.3 <= lag.seconds < 30
    assert lag.state == lags.STOPPED


def test_a_reader_is_active_while_another_connection_holds_its_lock(
    paying: Callable[[int], None],
) -> None:
    name = born_now(a_consumer().cursor)
    paying(1)
    assert (lag_of(name).is_active, lag_of(name).state) == (False, lags.STOPPED)
    with reader_connection("tests") as opened:
        assert opened.try_lock(name)
        assert (lag_of(name).is_active, lag_of(name).state) == (True, lags.WORKING)
    deadline = time.monotonic() + 5
    while lag_of(name).is_active:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_lock_of_another_reader_is_nobody_elses() -> None:
    one, other = (born_now(a_consumer().cursor) for _ in range(2))
    with reader_connection("tests") as opened:
        assert opened.try_lock(one)
        assert (lag_of(one).is_active, lag_of(other).is_active) == (True, False)


def test_a_reader_is_behind_when_what_it_has_to_read_is_old(
    paying: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = born_now(a_consumer().cursor)
    paying(1)
    monkeypatch.setattr(lags, "BEHIND_AFTER_SECONDS", 0)
    with reader_connection("tests") as opened:
        assert opened.try_lock(name)
        assert lag_of(name).state == lags.BEHIND


def test_a_reader_has_unread_only_what_it_takes(api: Api, paying: Callable[[int], None]) -> None:
    payments = born_now(a_consumer(Selection(("transaction",), is_excluded=False)).cursor)
    others = born_now(a_consumer(Selection(("transaction",), is_excluded=True)).cursor)
    paying(2)
    api.post("/v1/customers", {"email": "ada@example.org"})
    assert (lag_of(payments).unread, lag_of(others).unread) == (4, 1)


def test_within_a_backlog_what_was_read_is_not_unread(paying: Callable[[int], None]) -> None:
    name = born_now(a_consumer().cursor)
    paying(5)
    with reading(name, page_events=4) as reader:
        assert len(reader.read()) == 4
        reader.advance()
        assert lag_of(name).unread == 6
        take_all(reader)
        assert lag_of(name).unread == 0


def test_counting_ends_at_a_limit(
    paying: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = born_now(a_consumer().cursor)
    paying(3)
    monkeypatch.setattr(lags, "UNREAD_MAX", 4)
    lag = lag_of(name)
    assert (lag.unread, lag.has_more, lag.unread_words) == (4, True, "4+")


def test_an_event_of_an_open_transaction_is_not_counted_and_holds_readers_back(
    paying: Callable[[int], None],
) -> None:
    name = born_now(a_consumer().cursor)
    other = psycopg.connect(**_address())
    with other:
        other.execute("UPDATE event_cursors SET position = position WHERE name = %s", [name])
        time.sleep(0.3)
        assert oldest_transaction_seconds() >= 0.3
        assert lag_of(name).unread == 0
        other.rollback()
    other.close()


def test_ones_own_transaction_holds_nobody_back() -> None:
    with transaction.atomic():
        born_now()
        assert oldest_transaction_seconds() < 5


def test_a_reader_that_should_run_and_never_did_is_stopped() -> None:
    lag = lag_of(a_consumer().cursor)
    assert (lag.updated_at, lag.is_active, lag.state) == (None, False, lags.STOPPED)


def test_what_these_settings_do_not_need_is_unused() -> None:
    name = born_now("relay:transactions")
    assert lag_of(name).state == lags.UNUSED


def test_a_cursor_of_another_cluster_is_stopped(paying: Callable[[int], None]) -> None:
    name = born_now(a_consumer().cursor)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event_cursors SET system_identifier = 1 WHERE name = %s", [name])
    with reader_connection("tests") as opened:
        assert opened.try_lock(name)
        lag = lag_of(name)
    assert (lag.is_of_this_cluster, lag.state) == (False, lags.STOPPED)


def test_the_ledgers_cursor_is_among_them_without_a_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event_cursors SET updated_at = now() WHERE name = 'ledger_balances'")
    assert lag_of("ledger_balances").is_active
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE event_cursors SET updated_at = now() - interval '2 minutes'"
            " WHERE name = 'ledger_balances'"
        )
    assert lag_of("ledger_balances").state == lags.STOPPED


def test_all_of_it_is_one_statement() -> None:
    with CaptureQueriesContext(connection) as captured:
        read_lag()
    assert len(captured) == 1


def test_without_kafka_its_lag_is_not_known(settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    started = time.monotonic()
    with pytest.raises(Postponed):
        read_group_lag([a_consumer()])
    assert time.monotonic() - started < 3


def _address() -> dict[str, Any]:
    database = django_settings.DATABASES["default"]
    return {
        "host": database["HOST"], "port": database["PORT"], "user": database["USER"],
        "password": database["PASSWORD"], "dbname": database["NAME"],
    }  # fmt: skip


@pytest.fixture
def topics(settings: Any) -> Iterator[str]:
    with own_topics(settings) as prefix:
        yield prefix


def _group(consumer: Consumer) -> tuple[int, bool]:
    (lag,) = read_group_lag([consumer])
    assert lag.group == group_of(consumer)
    return lag.events, lag.is_active


@pytest.mark.stack
def test_a_group_is_behind_by_what_it_has_not_committed(
    topics: str, paying: Callable[[int], None]
) -> None:
    taken: list[LoggedEvent] = []

    def handle(events: Sequence[LoggedEvent]) -> None:
        taken.extend(events)

    consumer = a_consumer(Selection(("transaction",), is_excluded=False), handle)
    with relaying():
        paying(3)
        _until(lambda: _group(consumer) == (6, False))
        assert read_group_lag([consumer])[0].state == lags.STOPPED
        stop = threading.Event()
        thread = threading.Thread(target=KafkaRun(consumer, stop=stop).run)
        thread.start()
        try:
            _until(lambda: _group(consumer) == (0, True))
            assert read_group_lag([consumer])[0].state == lags.WAITING
            assert len(taken) == 6
        finally:
            stop.set()
            thread.join(20)
        paying(1)
        _until(lambda: _group(consumer) == (2, False))


def _until(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except Postponed:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)
