"""A reader's own connection to the primary: its lock, its cursor and its wake-up calls.

The lock is the session's: it is free at once when the process dies, and the cursor is moved over
the same connection, so that whoever lost the lock can't move it. Sessions and LISTEN do not exist
behind PgBouncer in transaction mode, hence EVENTS_DATABASE_URL, which goes past it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger(__name__)

CHANNEL = "payments_events"
# The first look at a long backlog passes over all of it.
STATEMENT_SECONDS_MAX = 300

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('event reader ' || %s, 0))"


class ReaderConnection:
    """An open connection in autocommit; a context manager. Not for several threads."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, query: str, parameters: Any = None) -> psycopg.Cursor[Any]:
        """Runs one statement, which is one transaction."""
        return self._connection.execute(query, parameters, prepare=True)

    def try_lock(self, reader: str) -> bool:
        """Makes this connection the one that works as ``reader``; False if another one is."""
        row = self._connection.execute(_LOCK, [reader]).fetchone()
        return bool(row and row[0])

    def listen(self) -> None:
        """Has ``wait`` end early when events are written."""
        self._connection.execute(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> bool:
        """Waits for events to be told of, at most ``seconds``; whether they were."""
        for _ in self._connection.notifies(timeout=seconds, stop_after=1):
            return True
        return False


@contextmanager
def reader_connection(name: str) -> Iterator[ReaderConnection]:
    """A connection of its own for a reader. Raises ``ImproperlyConfigured`` behind PgBouncer, and
    ``psycopg.Error``."""
    connection: psycopg.Connection[Any] = psycopg.connect(
        **_parameters(name), autocommit=True, prepare_threshold=1
    )
    with connection:
        _require_direct(connection)
        connection.execute(f"SET statement_timeout = '{STATEMENT_SECONDS_MAX}s'")
        yield ReaderConnection(connection)


def _parameters(name: str) -> dict[str, Any]:
    database = settings.EVENTS_DATABASE or settings.DATABASES["default"]
    options = database.get("OPTIONS", {})
    parameters = {
        "host": database["HOST"],
        "port": database["PORT"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "dbname": database["NAME"],
        "application_name": name,
        **{
            key: options[key]
            for key in ("connect_timeout", "keepalives_idle", "tcp_user_timeout", "sslmode")
            if key in options
        },
    }
    return {key: value for key, value in parameters.items() if value not in ("", None)}


def _require_direct(connection: psycopg.Connection[Any]) -> None:
    """PgBouncer makes up the process id that it tells its clients."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        raise ImproperlyConfigured(
            "Readers of the event log need PostgreSQL itself, without PgBouncer in between: set"
            " EVENTS_DATABASE_URL."
        )
