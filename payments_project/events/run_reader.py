"""Being a reader of the log: one at a time, whoever that is, until it is told to stop."""

import logging
import threading
from collections.abc import Callable, Sequence

import psycopg
from django.db import DatabaseError

from payments_project.events.errors import Postponed
from payments_project.events.log_reader import EVERYTHING, LogReader, Selection
from payments_project.events.logged import EventRow
from payments_project.events.pausing import GrowingPause
from payments_project.events.reach import LogReach
from payments_project.events.reader_connection import ReaderConnection, reader_connection

logger = logging.getLogger(__name__)

# Without a wake-up call, events are looked for as often.
POLL_SECONDS = 0.5
# Whoever waits for another reader to end tries its lock as often.
LOCK_SECONDS = 0.5

Take = Callable[[Sequence[EventRow]], None]


class ReaderRun:
    """Reads the log under ``name`` and hands it on, page by page, until ``stop`` is set.

    ``take`` returns when a page's effect is there for good, and the cursor moves then; what it
    raises is tried again after a pause that grows: the same page, from its start. Several runs of
    one name may go on anywhere: one works, and when it dies another takes over within seconds.
    With ``reach`` it is written down up to when everything was taken.
    """

    def __init__(
        self,
        *,
        name: str,
        take: Take,
        stop: threading.Event,
        selection: Selection = EVERYTHING,
        page_events: int = 5_000,
        reach: LogReach | None = None,
    ) -> None:
        self._name = name
        self._reach = reach
        self._take = take
        self._stop = stop
        self._selection = selection
        self._page_events = page_events
        self._pause = GrowingPause(name, stop)

    def run(self) -> None:
        """Returns once ``stop`` is set. Raises ``ImproperlyConfigured`` behind PgBouncer."""
        while not self._stop.is_set():
            try:
                with reader_connection(self._name) as connection:
                    self._read_while_connected(connection)
            # PostgreSQL, Kafka or whoever takes the events is away, or fails: never the end.
            except (psycopg.Error, DatabaseError, Postponed, OSError) as error:
                # Its kind and place alone: an error's words may hold what it was about.
                self._pause.wait(cause_of(error))

    def _read_while_connected(self, connection: ReaderConnection) -> None:
        while not connection.try_lock(self._name):
            if self._stop.wait(LOCK_SECONDS):
                return
        logger.info("%s reads the event log", self._name)
        connection.listen()
        reader = LogReader(
            connection,
            name=self._name,
            selection=self._selection,
            page_events=self._page_events,
        )
        while not self._stop.is_set():
            noted = self._reach and self._reach.begin(connection)
            rows = reader.read()
            if rows:
                self._take(rows)
                reader.advance()
                self._pause.reset()
            if self._reach and noted and reader.is_at_the_end:
                self._reach.end(connection, noted)
                self._pause.reset()
            if not rows:
                connection.wait(POLL_SECONDS)


def cause_of(error: BaseException) -> str:
    """An error's kind and the place that raised it, without its words."""
    kind = type(error).__name__
    trace = error.__traceback__
    if trace is None:
        return kind
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return f"{kind} in {module}.{code.co_name}, line {trace.tb_lineno}"
