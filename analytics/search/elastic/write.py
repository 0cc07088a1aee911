"""Writing payments into Elasticsearch, in bulk, each with its revision as external version."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from analytics.search.content import FoundPayment
from analytics.search.elastic.client import later_if_away
from analytics.search.elastic.documents import TransactionDocument
from analytics.search.elastic.indices import forget_index, index_exists, write_alias
from payments_project.events.errors import Postponed

# Chunks under way at once: while Elasticsearch works on one, the next is made ready.
WRITERS = 3
_STALE = 409
# A node that has no room or no time now, or whose disk is full.
_LATER = (403, 429, 500, 502, 503, 504)


class DocumentRefused(Exception):
    """Elasticsearch does not take a document: its kind of error, nothing of the content."""


def write_payments(chunks: Iterable[Sequence[FoundPayment]], *, targets: Sequence[str]) -> None:
    """Writes payments into every index of ``targets``; documents of the same or a later revision
    stay. Returns once they are written.

    While a chunk is written the next one is read. An index that is gone is forgotten, since the one
    that takes its place will be filled anew. Raises ``Postponed`` where Elasticsearch is away or
    busy, ``DocumentRefused``; then some may be written and others not.
    """
    if not targets:
        return
    aliases = [write_alias(name) for name in targets]

    def write(payments: Sequence[FoundPayment]) -> list[dict[str, Any]]:
        return TransactionDocument().write(payments, targets=aliases)

    with later_if_away(), ThreadPoolExecutor(WRITERS) as pool:
        written = [pool.submit(write, payments) for payments in chunks if payments]
        for done in written:
            _examine(done.result(), targets)


def _examine(refusals: Sequence[dict[str, Any]], targets: Sequence[str]) -> None:
    lost = set()
    for refusal in refusals:
        status, kind = refusal["status"], refusal.get("error", {}).get("type", "")
        if status == _STALE:
            continue
        if status == 404 and kind == "index_not_found_exception":
            lost.add(refusal["_index"])
        elif status in _LATER:
            raise Postponed(f"elasticsearch: {kind}")
        else:
            raise DocumentRefused(f"{status} {kind}")
    for name in targets:
        if write_alias(name) in lost and not index_exists(name):
            forget_index(name)
