"""How long a reader of the log takes, from its start to its cursor behind a given event."""

import threading
import time
from collections.abc import Callable

import psycopg

from bench.environment import BenchError, Database

SECONDS_MAX = 600


def reader_seconds(
    database: Database,
    *,
    cursor: str,
    before: str,
    last: int,
    run: Callable[[threading.Event], None],
) -> float:
    """Runs the reader in a thread, until it is told to stop, on all events since the snapshot
    ``before``; seconds until it has taken the one at position ``last``. Raises ``BenchError``."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO event_cursors (name, snapshot, system_identifier)"
            " SELECT %s, %s::pg_snapshot, system_identifier FROM pg_control_system()"
            " ON CONFLICT (name) DO UPDATE SET snapshot = excluded.snapshot, target = NULL,"
            " position = 0",
            [cursor, before],
        )
        stop = threading.Event()
        reader = threading.Thread(target=run, args=(stop,))
        started = time.perf_counter()
        reader.start()
        while not _has_taken(owner, cursor, last):
            if time.perf_counter() - started > SECONDS_MAX:
                raise BenchError(f"{cursor} did not come to the last event in {SECONDS_MAX} s")
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        stop.set()
        reader.join()
    return seconds


def _has_taken(owner: psycopg.Connection, cursor: str, last: int) -> bool:
    row = owner.execute(
        "SELECT position >= %s FROM event_cursors WHERE name = %s", [last, cursor]
    ).fetchone()
    return bool(row and row[0])
