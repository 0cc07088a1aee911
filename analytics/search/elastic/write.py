"""Writing payments into Elasticsearch, in bulk, each with its revision as external version."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import ApiError, TransportError

from analytics.search.content import FoundPayment
from analytics.search.elastic.documents import TransactionDocument
from analytics.search.elastic.indices import forget_index, index_exists, write_alias
from payments_project.events.errors import Postponed

CHUNK_DOCUMENTS = 500
_STALE = 409
# A node that has no room or no time now, or whose disk is full.
_LATER = (403, 429, 500, 502, 503, 504)


class DocumentRefused(Exception):
    """Elasticsearch does not take a document: its kind of error, nothing of the content."""


def write_payments(
    payments: Sequence[FoundPayment], *, targets: Sequence[str], is_repair: bool = False
) -> None:
    """Writes ``payments`` into every index of ``targets``; documents of the same or a later revision
    stay, a repair replaces those of the same one. Returns once they are written.

    An index that is gone is forgotten, since the one that takes its place will be filled anew.
    Raises ``Postponed`` where Elasticsearch is away or busy, ``DocumentRefused``.
    """
    if not payments or not targets:
        return
    document = TransactionDocument()
    actions = document.actions_for(
        payments,
        targets=[write_alias(name) for name in targets],
        version_type="external_gte" if is_repair else "external",
    )
    try:
        _, errors = document.bulk(
            actions,
            chunk_size=CHUNK_DOCUMENTS,
            raise_on_error=False,
            raise_on_exception=True,
            require_alias=True,
        )
        _examine(errors, targets)
    except (ApiError, TransportError) as error:
        raise Postponed(f"elasticsearch: {type(error).__name__}") from error


def _examine(errors: Sequence[dict[str, Any]], targets: Sequence[str]) -> None:
    lost = set()
    for error in errors:
        ((_, found),) = error.items()
        status, kind = found["status"], found.get("error", {}).get("type", "")
        if status == _STALE:
            continue
        if status == 404 and kind == "index_not_found_exception":
            lost.add(found["_index"])
        elif status in _LATER:
            raise Postponed(f"elasticsearch: {kind}")
        else:
            raise DocumentRefused(f"{status} {kind}")
    for name in targets:
        if write_alias(name) in lost and not index_exists(name):
            forget_index(name)
