"""Readers of the log that begin now, and what they take."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from django.db import connection

from payments_project.events.consumers import Consumer
from payments_project.events.log_reader import EVERYTHING, LogReader, Selection
from payments_project.events.logged import EventRow
from payments_project.events.reader_connection import reader_connection
from payments_project.events.run_consumers import log_run


def born_now(name: str | None = None) -> str:
    """A cursor that has seen all that there is; its name."""
    name = name or f"test:{uuid.uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO event_cursors (name, snapshot, system_identifier)"
            " SELECT %s, pg_current_snapshot(), system_identifier FROM pg_control_system()"
            " ON CONFLICT (name) DO UPDATE SET snapshot = excluded.snapshot, target = NULL",
            [name],
        )
    return name


@contextmanager
def reading(
    name: str, *, page_events: int = 5_000, selection: Selection = EVERYTHING
) -> Iterator[LogReader]:
    """A reader under ``name``, with a connection of its own."""
    with reader_connection("tests") as opened:
        # The server notices a moment later that the reader before has hung up.
        deadline = time.monotonic() + 10
        while not opened.try_lock(name):
            assert time.monotonic() < deadline, f"{name} is at work elsewhere"
            time.sleep(0.002)
        yield LogReader(opened, name=name, selection=selection, page_events=page_events)


def take_all(reader: LogReader) -> list[list[EventRow]]:
    """Every page until nothing is left, each made taken."""
    pages = []
    while rows := reader.read():
        pages.append(list(rows))
        reader.advance()
    return pages


def rows_of(pages: Sequence[Sequence[EventRow]], *objects: object) -> list[EventRow]:
    """The rows that tell of ``objects``, in the order in which they came."""
    wanted = {str(identity) for identity in objects}
    return [row for page in pages for row in page if row.aggregateid in wanted]


def consume_until(consumer: Consumer, done: Callable[[], bool], *, seconds: float = 15) -> None:
    """Runs the consumer on the log until ``done()``; fails after ``seconds``."""
    with consuming(consumer):
        wait_until(done, seconds=seconds, what=consumer.name)


def consuming(consumer: Consumer) -> AbstractContextManager[None]:
    """Runs the consumer on the log meanwhile."""
    return running(lambda stop: log_run(consumer, stop=stop).run())


@contextmanager
def running(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Runs ``work`` in a thread meanwhile; it ends once the event that it is given is set."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(40)
        assert not thread.is_alive()


def wait_until(done: Callable[[], bool], *, seconds: float, what: str = "it") -> None:
    """Returns once ``done()``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what} did not get there"
        time.sleep(0.05)
