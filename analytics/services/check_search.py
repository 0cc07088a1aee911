"""Comparing search with the payments, day by day, and mending what differs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from analytics.models import SearchIndex
from analytics.search.content import read_chunks, read_payments
from analytics.search.transaction_words import write_words
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor
from payments_project.times import day_start
from transactions.services.raise_revision import raise_revisions_past

BATCH = 1_000


class DaySums(NamedTuple):
    """What must be the same of a UTC day's payments in both: amounts in minor units."""

    payments: int = 0
    revisions: int = 0
    amount: int = 0
    captured: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found wrong of one UTC day, and mended: payments whose words were missing or old,
    documents that were missing or old, and documents of payments that there are not."""

    day: date
    words: int = 0
    documents: int = 0
    strangers: int = 0

    def __bool__(self) -> bool:
        return bool(self.words or self.documents or self.strangers)


_SUMS = """
SELECT count(*), coalesce(sum(revision), 0)::bigint, coalesce(sum(amount), 0)::bigint,
       coalesce(sum(captured_amount), 0)::bigint, coalesce(sum(refunded_amount), 0)::bigint
  FROM transactions WHERE id >= %s AND id < %s
"""
_WITHOUT_WORDS = """
SELECT payment.id
  FROM transactions AS payment
  LEFT JOIN transaction_words AS known
       ON known.id = payment.id AND known.id >= %(first)s AND known.id < %(last)s
 WHERE payment.id >= %(first)s AND payment.id < %(last)s
   AND (known.id IS NULL OR known.revision < payment.revision)
"""
_REVISIONS = "SELECT id, revision FROM transactions WHERE id >= %s AND id < %s"


def check_search(*, first: date, last: date) -> Iterator[Drift]:
    """Checks the UTC days from ``first`` to ``last``, and mends each; yields what was wrong of each
    day, in order.

    What has changed in the last moments may be taken for wrong and is written twice then, which does
    no harm. Raises ``Postponed`` while Elasticsearch is away.
    """
    day = first
    while day <= last:
        words = _mend_words(day)
        documents, strangers = _mend_documents(day) if settings.ELASTICSEARCH_URL else (0, 0)
        yield Drift(day, words, documents, strangers)
        day += timedelta(days=1)


def _mend_words(day: date) -> int:
    first, last = _ids_of(day)
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_WORDS, {"first": first, "last": last})
        wrong = [row[0] for row in cursor.fetchall()]
    write_words(read_chunks(wrong))
    return len(wrong)


def _mend_documents(day: date) -> tuple[int, int]:
    """How many documents were written, and how many deleted."""
    from analytics.search.elastic import days
    from analytics.search.elastic.client import later_if_away

    live = SearchIndex.objects.filter(state=SearchIndex.LIVE).first()
    if live is None:
        # There is none to compare: whatever takes its place is filled from the payments.
        return 0, 0
    with later_if_away():
        if DaySums(*days.sums_of(day, index=live.name)) == _sums(day):
            return 0, 0
        return _mend_each(day, live.name)


def _mend_each(day: date, index: str) -> tuple[int, int]:
    from analytics.search.elastic import days

    indexed = days.indexed_on(day, index=index)
    with connection.cursor() as cursor:
        cursor.execute(_REVISIONS, _ids_of(day))
        known = dict(cursor.fetchall())
    wrong = [
        key
        for key, revision in known.items()
        if key not in indexed or indexed[key].revision != revision
    ]
    strangers = [key for key in indexed if key not in known]
    if not wrong and not strangers:
        # The same revisions with other contents: somebody has written into the index.
        wrong = list(known)
    # A document that somebody has deleted leaves a version behind for a minute: one higher.
    _write_anew(
        {key: indexed[key].version if key in indexed else known[key] + 1 for key in wrong}, index
    )
    # A payment that was made after the payments were read is none.
    strangers = _without_payments(strangers)
    days.delete_documents(strangers, index=index)
    return len(wrong), len(strangers)


def _write_anew(versions: Mapping[UUID, int], index: str) -> None:
    """Writes documents under revisions that are higher than whatever version is there: what somebody
    wrote or deleted by hand has one of Elasticsearch's own counting."""
    from analytics.search.elastic.write import write_payments

    ids = list(versions)
    for start in range(0, len(ids), BATCH):
        batch = {key: versions[key] for key in ids[start : start + BATCH]}
        run_in_transaction(partial(raise_revisions_past, batch))
        payments = read_payments(batch)
        write_words([payments])
        write_payments([payments], targets=[index])


def _sums(day: date) -> DaySums:
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, _ids_of(day))
        return DaySums(*cursor.fetchone())


def _without_payments(ids: list[UUID]) -> list[UUID]:
    found = {payment.id for payments in read_chunks(ids) for payment in payments}
    return [key for key in ids if key not in found]


def _ids_of(day: date) -> tuple[UUID, UUID]:
    return uuid7_floor(day_start(day)), uuid7_floor(day_start(day + timedelta(days=1)))
