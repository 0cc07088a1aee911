"""Indices in Elasticsearch: made, made live, retired, deleted. Their rows say what is whose turn.

``SearchIndex`` rows are the truth: writers write into those that are building or live, and the
alias that searches go through follows the live one's row. An index is written to through an alias
of its own, which Elasticsearch is told to insist on: once somebody has deleted the index, a write
fails, and does not make an index without mappings in its place.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from elasticsearch import NotFoundError
from elasticsearch.dsl import Index

from analytics.models import SearchIndex
from analytics.search.elastic.client import client, later_if_away
from analytics.search.elastic.documents import ALIAS, TransactionDocument

logger = logging.getLogger(__name__)

# Somebody waits for a page meanwhile.
COUNT_SECONDS_MAX = 1.0


def write_alias(index: str) -> str:
    """What ``index`` is written to through."""
    return f"{index}-write"


def written_indices() -> list[str]:
    """The indices that are to have every change, by name."""
    rows = SearchIndex.objects.filter(state__in=[SearchIndex.BUILDING, SearchIndex.LIVE])
    return sorted(rows.values_list("name", flat=True))


def begin_index(*, expected: int | None) -> SearchIndex | None:
    """Makes an index to be filled; None if one is being filled already.

    Its row is written after it is there, and from then on it gets all changes.
    """
    if SearchIndex.objects.filter(state=SearchIndex.BUILDING).exists():
        return None
    name = f"{ALIAS}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    create_index(name)
    try:
        with transaction.atomic():
            return SearchIndex.objects.create(name=name, expected_count=expected)
    except IntegrityError:
        delete_index(name)
        return None


def create_index(name: str) -> None:
    """Makes an index of payments in Elasticsearch, with the alias that it is written through."""
    made = Index(name)
    made.document(TransactionDocument)  # type: ignore[arg-type]
    made.settings(
        number_of_shards=settings.ELASTICSEARCH_SHARDS,
        auto_expand_replicas=settings.ELASTICSEARCH_REPLICAS,
        refresh_interval="1s",
    )
    made.aliases(**{write_alias(name): {}})
    made.create(using=client())


def make_live(index: SearchIndex) -> None:
    """Has searches answered from ``index``, at one moment; the one before it is retired.

    What was written is made to be found before. The alias moves first: both are written to until
    the rows say otherwise, so whoever dies in between leaves two indices that are complete.
    """
    client().indices.refresh(index=index.name)
    point_alias(index.name)
    now = datetime.now(UTC)
    with transaction.atomic():
        SearchIndex.objects.filter(state=SearchIndex.LIVE).update(
            state=SearchIndex.RETIRED, retired_at=now
        )
        index.state, index.live_at = SearchIndex.LIVE, now
        index.save(update_fields=["state", "live_at"])


def point_alias(index: str) -> None:
    """Makes the alias of searches lead to ``index`` alone, in one step. Raises as the client does."""
    elastic = client()
    try:
        present = set(elastic.indices.get_alias(name=ALIAS).body)
    except NotFoundError:
        present = set()
    if present == {index}:
        return
    removed = [{"remove": {"index": name, "alias": ALIAS}} for name in sorted(present - {index})]
    elastic.indices.update_aliases(actions=[*removed, {"add": {"index": index, "alias": ALIAS}}])


def show_written() -> None:
    """Has searches find all that is written by now, also those of an index that is made live next.
    Raises ``Postponed`` while Elasticsearch is away."""
    names = [write_alias(name) for name in written_indices()]
    if names:
        with later_if_away():
            client().indices.refresh(index=names, ignore_unavailable=True)


def index_exists(index: str) -> bool:
    """Whether Elasticsearch has it, with the alias that it is written through."""
    return bool(client().indices.exists_alias(index=index, name=write_alias(index)))


def forget_index(index: str) -> None:
    """Takes an index that is gone, or no good, out of the rows: nothing is written to it any more,
    and nothing read. What is left of it is deleted."""
    SearchIndex.objects.filter(name=index).delete()
    delete_index(index)


def count_documents() -> dict[str, int]:
    """How many documents each index has, by its name. Raises as the client does, within
    ``COUNT_SECONDS_MAX``."""
    asked = client().options(request_timeout=COUNT_SECONDS_MAX)
    found = asked.indices.stats(index=f"{ALIAS}-*", metric="docs")["indices"]
    return {name: stats["primaries"]["docs"]["count"] for name, stats in found.items()}


def delete_index(index: str) -> None:
    """Deletes an index in Elasticsearch; none is fine."""
    client().options(ignore_status=404).indices.delete(index=index)


def delete_retired() -> list[str]:
    """Deletes the indices that were replaced ``SEARCH_INDEX_KEPT_SECONDS`` ago or longer."""
    before = datetime.now(UTC) - timedelta(seconds=settings.SEARCH_INDEX_KEPT_SECONDS)
    old = SearchIndex.objects.filter(state=SearchIndex.RETIRED, retired_at__lt=before)
    names = list(old.values_list("name", flat=True))
    for name in names:
        forget_index(name)
        logger.info("deleted search index %s, which was replaced", name)
    return names
