"""The log's readers miss nothing and mix up nothing, however its writers overlap."""

import random
import threading
import time
from collections import defaultdict

import psycopg

from payments_project.events.log_reader import Selection
from payments_project.events.logged import EventRow
from payments_project.events.reader_connection import reader_connection
from payments_project.events.wake import events_written
from tests.api_client import Api
from tests.payments_project.events.reading import born_now, reading, rows_of, take_all
from tests.schema.rows import APPLICATION, connect
from tests.threads import at_once

_WRITE = """
WITH counted AS (
    UPDATE merchants SET event_sequence = event_sequence + 1 WHERE id = %(merchant)s
    RETURNING event_sequence
)
INSERT INTO events (aggregatetype, aggregateid, type, sequence, payload, merchant_id, environment,
                    actor_kind)
SELECT 'merchant', %(merchant)s::text, 'merchant.updated', event_sequence, '{}', %(merchant)s,
       'live', 'system'
  FROM counted
"""


def merchants(count: int) -> list[str]:
    """New rows whose events are counted."""
    with connect(APPLICATION, autocommit=True) as database:
        return [
            str(
                database.execute(
                    "INSERT INTO merchants (business_name, email, address)"
                    " VALUES ('Reader & Co', gen_random_uuid() || '@example.com', '{}')"
                    " RETURNING id"
                ).fetchone()[0]
            )
            for _ in range(count)
        ]


def write(database: psycopg.Connection, merchant: str) -> None:
    database.execute(_WRITE, {"merchant": merchant})


def test_a_reader_takes_each_event_once_and_in_order(api: Api) -> None:
    name = born_now()
    payment = api.paid()["id"]

    with reading(name) as reader:
        taken = rows_of(take_all(reader), payment)
        later = api.paid()["id"]
        taken_later = take_all(reader)

    assert [(row.type, row.sequence) for row in taken] == [
        ("transaction.created", 1),
        ("transaction.succeeded", 2),
    ]
    assert rows_of(taken_later, payment) == []
    assert len(rows_of(taken_later, later)) == 2


def test_a_page_that_was_not_made_taken_comes_again(api: Api) -> None:
    name = born_now()
    payment = api.paid()["id"]
    with reading(name) as reader:
        first = reader.read()

    with reading(name) as reader:
        again = reader.read()
        reader.advance()
    with reading(name) as reader:
        nothing = rows_of(take_all(reader), payment)

    assert len(rows_of([first], payment)) == 2
    assert rows_of([again], payment) == rows_of([first], payment)
    assert nothing == []


def test_a_backlog_is_read_in_pages_and_a_dead_reader_s_successor_goes_on(api: Api) -> None:
    (merchant,) = merchants(1)
    name = born_now()
    with connect(APPLICATION, autocommit=True) as database:
        for _ in range(25):
            write(database, merchant)

    with reading(name, page_events=4) as reader:
        pages = []
        for _ in range(3):
            pages.append(list(reader.read()))
            reader.advance()
        # This page is read and never made taken.
        reader.read()
    with connect(APPLICATION, autocommit=True) as database:
        write(database, merchant)
    with reading(name, page_events=4) as reader:
        pages += take_all(reader)

    assert max(map(len, pages)) == 4
    assert [row.sequence for row in rows_of(pages, merchant)] == list(range(1, 27))


def test_a_writer_that_stays_open_delays_only_its_own_events(api: Api) -> None:
    early, late = merchants(2)
    name = born_now()
    with connect(APPLICATION) as slow:
        write(slow, early)
        with connect(APPLICATION, autocommit=True) as quick:
            for _ in range(9):
                write(quick, late)
        with reading(name, page_events=4) as reader:
            before = take_all(reader)
        slow.commit()

    with reading(name, page_events=4) as reader:
        after = take_all(reader)

    assert [row.sequence for row in rows_of(before, early, late)] == list(range(1, 10))
    assert [row.aggregateid for row in rows_of(after, early, late)] == [early]


def test_an_event_that_was_undone_is_never_read(api: Api) -> None:
    (merchant,) = merchants(1)
    name = born_now()
    with connect(APPLICATION) as database:
        write(database, merchant)
        database.rollback()
        write(database, merchant)
        database.commit()

    with reading(name) as reader:
        taken = rows_of(take_all(reader), merchant)

    assert [row.sequence for row in taken] == [1]


def test_a_reader_takes_the_objects_that_it_selects(api: Api) -> None:
    name, other = born_now(), born_now()
    payment = api.paid()

    with reading(name, selection=Selection(("transaction",), is_excluded=False)) as reader:
        taken = take_all(reader)
    with reading(other, selection=Selection(("transaction",), is_excluded=True)) as reader:
        others = take_all(reader)

    kinds = {row.aggregatetype for page in taken for row in page}
    assert kinds == {"transaction"}
    assert len(rows_of(taken, payment["id"])) == 2
    assert "transaction" not in {row.aggregatetype for page in others for row in page}
    assert len(rows_of(others, payment["payment_method"])) == 1


def _read_and_die(name: str, stop: threading.Event, pages: list[list[EventRow]]) -> None:
    """A new reader each time, as if the one before had been killed, some with a page in hand."""
    while not stop.is_set():
        with reading(name, page_events=7) as reader:
            for _ in range(random.randint(1, 5)):
                pages.append(list(reader.read()))
                if random.random() < 0.2:
                    break
                reader.advance()
    with reading(name, page_events=7) as reader:
        pages.extend(take_all(reader))


def _write_with_pauses(number: int, rows: list[str]) -> None:
    dice = random.Random(number)
    with connect(APPLICATION) as database:
        for _ in range(60):
            for merchant in sorted(dice.sample(rows, 2)):
                write(database, merchant)
            time.sleep(dice.random() * 0.01)
            if dice.random() < 0.1:
                database.rollback()
            else:
                database.commit()


def test_nothing_is_lost_or_overtaken_with_eight_writers_and_pages() -> None:
    rows = merchants(6)
    name = born_now()
    stop = threading.Event()
    pages: list[list[EventRow]] = []

    reader = threading.Thread(target=_read_and_die, args=(name, stop, pages))
    reader.start()
    at_once(8, lambda number: _write_with_pauses(number, rows))
    stop.set()
    reader.join(60)

    with connect(APPLICATION) as database:
        written = dict(
            database.execute(
                "SELECT id::text, event_sequence FROM merchants WHERE id = ANY(%s::uuid[])", [rows]
            ).fetchall()
        )
    first_seen: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows_of(pages, *rows):
        if row.sequence not in first_seen[row.aggregateid]:
            first_seen[row.aggregateid].append(row.sequence)
    assert sum(written.values()) > 500
    assert first_seen == {row: list(range(1, last + 1)) for row, last in written.items()}


def test_one_works_and_the_next_takes_over_at_once() -> None:
    name = born_now()
    with reader_connection("tests") as second:
        with reader_connection("tests") as first:
            assert first.try_lock(name)
            assert not second.try_lock(name)
        assert second.try_lock(name)


def test_readers_are_woken_by_a_payment(api: Api) -> None:
    with reader_connection("tests") as listener:
        listener.listen()
        while listener.wait(0.3):
            pass

        payment = api.paid()["id"]
        began = time.monotonic()
        woken = listener.wait(5)

    assert payment
    assert woken
    assert time.monotonic() - began < 2


def test_a_thousand_writes_are_a_few_wake_up_calls() -> None:
    with reader_connection("tests") as listener:
        listener.listen()
        for _ in range(1_000):
            events_written()
        calls = 0
        while listener.wait(0.5):
            calls += 1

    assert 1 <= calls <= 3
