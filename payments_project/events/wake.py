"""Waking readers of the log when events were written, at no cost to who writes them.

A NOTIFY in the writers' own transactions would take PostgreSQL's one lock on notifications at
every commit, and payments would commit one after the other. So a thread of each process sends
them: at once when it has been quiet, and at most some twenty a second. Readers that miss one, or
a process that dies before it was sent, cost nothing but time: they look by themselves twice a
second.
"""

import os
import threading
import time

from django.db import Error, connection

from payments_project.events.reader_connection import CHANNEL

# So long after a NOTIFY comes the next one, at the earliest.
PAUSE_SECONDS = 0.05

_written = threading.Event()
_start = threading.Lock()
_process: int | None = None


def events_written() -> None:
    """Has readers look for new events soon; to be called after the commit. Never fails."""
    if _process != os.getpid():
        _start_thread()
    if not _written.is_set():
        _written.set()


def _start_thread() -> None:
    """Each process needs a thread of its own: a fork has none."""
    global _process  # noqa: PLW0603 (one thread for each process)
    with _start:
        if _process != os.getpid():
            _process = os.getpid()
            threading.Thread(target=_tell, name="wake readers", daemon=True).start()


def _tell() -> None:
    while True:
        _written.wait()
        _written.clear()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        except Error:
            # Readers look by themselves.
            pass
        finally:
            connection.close()
        time.sleep(PAUSE_SECONDS)
