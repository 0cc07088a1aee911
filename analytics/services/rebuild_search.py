"""Making a new search index beside the old one, and putting it in its place."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection

from analytics.models import SearchIndex
from analytics.search.content import chunks_of, read_payments_after
from analytics.search.transaction_words import write_words
from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.errors import Postponed

BATCH = 2_000
_LEAST = UUID(int=0)
_ESTIMATE = """
SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint
  FROM pg_class JOIN pg_inherits ON inhrelid = oid
 WHERE inhparent = 'transactions'::regclass
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many payments are copied, of about how many."""

    copied: int
    expected: int


Tell = Callable[[Progress], None]


def rebuild_search_index(
    *, tell: Tell = lambda progress: None, seconds_max: float | None = None
) -> bool:
    """Fills a new index in Elasticsearch with every payment and makes it live; goes on with one that
    was begun. True once it is live, False if ``seconds_max`` came first.

    Safe while payments are made and changed: from its making on the new index gets every change
    (``search.consumers``), and an older document never takes a newer one's place. Safe to be killed
    and run again, and at once with itself. Raises ``Postponed`` while Elasticsearch is away.
    """
    from analytics.search.elastic.client import later_if_away

    deadline = None if seconds_max is None else time.monotonic() + seconds_max
    with later_if_away():
        return _rebuild(tell, deadline)


def _rebuild(tell: Tell, deadline: float | None) -> bool:
    from analytics.search.elastic.indices import begin_index, make_live
    from analytics.search.elastic.write import write_payments

    index = begin_index(expected=estimated_payments()) or _building()
    index.refresh_from_db()
    # Payments that were made after the index come into it as changes do.
    until = _shortly_after(index.created_at)
    while True:
        payments = read_payments_after(after=index.copied_to or _LEAST, until=until, limit=BATCH)
        if not payments:
            break
        write_payments(chunks_of(payments), targets=[index.name])
        _advance(index, payments[-1].id, len(payments))
        tell(Progress(index.copied_count, max(index.expected_count or 0, index.copied_count)))
        if deadline is not None and time.monotonic() > deadline:
            return False
    make_live(index)
    return True


def rebuild_words(*, tell: Tell = lambda progress: None) -> int:
    """Writes the words of every payment for PostgreSQL's own search, where they are missing or of
    an earlier revision; returns how many it wrote. Safe at any time, and at once with itself."""
    after, copied, written = _LEAST, 0, 0
    expected, until = estimated_payments(), _shortly_after(datetime.now(UTC))
    while payments := read_payments_after(after=after, until=until, limit=BATCH):
        written += write_words(chunks_of(payments))
        after, copied = payments[-1].id, copied + len(payments)
        tell(Progress(copied, max(expected, copied)))
    return written


def estimated_payments() -> int:
    """About how many payments there are, by PostgreSQL's own statistics."""
    with connection.cursor() as cursor:
        cursor.execute(_ESTIMATE)
        return int(cursor.fetchone()[0])


def _building() -> SearchIndex:
    return SearchIndex.objects.get(state=SearchIndex.BUILDING)


def _advance(index: SearchIndex, copied_to: UUID, count: int) -> None:
    """Of two runs at once each copies all that it has not seen; the row tells of the one that is
    behind, so that neither's death leaves a gap."""
    index.copied_to, index.copied_count = copied_to, index.copied_count + count
    known = SearchIndex.objects.filter(pk=index.pk)
    if not known.update(copied_to=copied_to, copied_count=index.copied_count):
        raise Postponed("the index was deleted while it was filled")


def _shortly_after(moment: datetime) -> UUID:
    """Beyond the payments made by then: ids are made a little before their rows, and clocks of
    servers are set right now and then."""
    return uuid7_floor(moment + timedelta(minutes=1))
