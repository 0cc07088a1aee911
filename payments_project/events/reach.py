"""How far consumers have come, in time: what says how fresh a projection is.

A reader notes the time, then looks; when everything that it saw is handled, everything that was
committed before that time is. So the time is written down as reached: for each source that a
consumer reads, the log itself (``LOG``) or a partition in Kafka. As far as the relays have come is
all that there can be in Kafka.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection
from psycopg import sql

from payments_project.events.models import ConsumerReach
from payments_project.events.reader_connection import ReaderConnection

LOG = "log"
# So often is it noted: a write for each.
EVERY_SECONDS = 1.0

_WRITE = """
INSERT INTO consumer_reaches (consumer, source, reached_at)
SELECT %s, source, %s FROM unnest(%s::text[]) AS source
ON CONFLICT (consumer, source) DO UPDATE SET reached_at = excluded.reached_at
"""
_TOPICS = """
SELECT min(reached_at), count(*) FROM consumer_reaches WHERE consumer = ANY(%s) AND source = 'log'
"""
_REACHES = """
SELECT json_object_agg(consumer, reached_at)
  FROM (SELECT consumer, min(reached_at) AS reached_at FROM consumer_reaches
         WHERE consumer = ANY({names}::text[]) AND (source = {log}) = {is_from_log}
         GROUP BY consumer) AS reach
"""


class LogReach:
    """A reader's own note of time, over its own connection; ``show`` makes what was handled seen
    by everybody, if it is not so already."""

    def __init__(self, name: str, *, show: Callable[[], None] | None = None) -> None:
        self._name = name
        self._show = show
        self._next = time.monotonic()

    def begin(self, reader: ReaderConnection) -> datetime | None:
        """The time, if it is time for a note; to be asked for before looking."""
        if time.monotonic() < self._next:
            return None
        row = reader.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None, "a SELECT without FROM has a row"  # noqa: S101
        moment: datetime = row[0]
        return moment

    def end(self, reader: ReaderConnection, moment: datetime) -> None:
        """All that was there at ``moment`` is handled. Raises what ``show`` does."""
        if self._show is not None:
            self._show()
        reader.execute(_WRITE, [self._name, moment, [LOG]])
        self._next = time.monotonic() + EVERY_SECONDS


def write_reach(consumer: str, moment: datetime, sources: Sequence[str]) -> None:
    """Of ``sources``, all that was there at ``moment`` is handled by ``consumer``."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [consumer, moment, list(sources)])


def read_relays_reach(relays: Sequence[str]) -> datetime | None:
    """Up to when everything is in Kafka; None while one of ``relays`` has never told."""
    with connection.cursor() as cursor:
        cursor.execute(_TOPICS, [list(relays)])
        reached, count = cursor.fetchone()
    return reached if count == len(relays) else None


def read_reaches(names: Iterable[str], *, is_from_log: bool) -> Mapping[str, datetime]:
    """Up to when each consumer has handled everything: the least of its sources. One that has never
    told is not in it. One statement."""
    rows = ConsumerReach.objects.filter(consumer__in=list(names))
    rows = rows.filter(source=LOG) if is_from_log else rows.exclude(source=LOG)
    reached: dict[str, datetime] = {}
    for consumer, moment in rows.values_list("consumer", "reached_at"):
        reached[consumer] = min(moment, reached.get(consumer, moment))
    return reached


def reaches_statement(names: Iterable[str], *, is_from_log: bool) -> str:
    """What ``read_reaches`` asks, as a statement without parameters for who asks other things with
    it: an object of times by consumer, or NULL where none has told."""
    statement = sql.SQL(_REACHES).format(
        names=sql.Literal(list(names)), log=sql.Literal(LOG), is_from_log=sql.Literal(is_from_log)
    )
    return statement.as_string()
