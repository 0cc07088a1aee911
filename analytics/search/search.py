"""Searching payments: by Elasticsearch where it is well and up to date, else by PostgreSQL."""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.conf import settings

from analytics.search import postgresql
from analytics.search.freshness import Freshness, recent_freshness
from analytics.search.query import (
    ELASTICSEARCH,
    POSTGRESQL,
    Found,
    Place,
    SearchQuery,
    Snapshot,
)
from analytics.search.words import may_be_misspelt
from payments_project.tenancy import Scope

logger = logging.getLogger(__name__)

# An engine that is so much further behind than the other does not answer.
BEHIND_MAX = timedelta(seconds=30)
# After it did not answer, Elasticsearch is not asked for so long: each search would wait for it.
LEFT_ALONE_SECONDS = 5.0

_left_alone_until = 0.0


def search_payments(
    scope: Scope,
    query: SearchQuery,
    *,
    after: Place | None = None,
    snapshot: Snapshot | None = None,
) -> Found:
    """A page of what ``query`` finds of the merchant's payments.

    Words are found as they are written, or by their beginning; only if nothing is found so, words
    that are a letter or two apart count too. Raises ``Unavailable`` for a search that PostgreSQL
    has to answer and that takes too long.
    """
    freshness = recent_freshness()
    found = _find(scope, query, after, snapshot, freshness)
    if not found.total and not query.with_typos and _has_spelled_words(query):
        query = replace(query, with_typos=True)
        found = _find(scope, query, after, snapshot, freshness)
    return replace(found, with_typos=query.with_typos)


def _find(
    scope: Scope,
    query: SearchQuery,
    after: Place | None,
    snapshot: Snapshot | None,
    freshness: Freshness,
) -> Found:
    reached = freshness[ELASTICSEARCH]
    if reached is not None and is_elasticsearch_asked(freshness):
        # Its library is loaded where there is one.
        from analytics.search.elastic.find import SearchAway, find

        try:
            return find(scope, query, after=after, snapshot=snapshot, reached_at=reached)
        except SearchAway as error:
            _leave_alone(str(error))
    # Without words the payments themselves are asked.
    reached = freshness[POSTGRESQL] if postgresql.reads_words(query) else datetime.now(UTC)
    return replace(postgresql.find(scope, query, after=after), reached_at=reached)


def is_elasticsearch_asked(freshness: Freshness) -> bool:
    """Whether Elasticsearch answers searches now: it is configured, answered last time, and is not
    behind."""
    return bool(settings.ELASTICSEARCH_URL) and not why_not_elasticsearch(freshness)


def why_not_elasticsearch(freshness: Freshness) -> str:
    """Why Elasticsearch, where there is one, does not answer searches of this process now; empty
    where it does."""
    reached, other = freshness[ELASTICSEARCH], freshness[POSTGRESQL]
    if reached is None:
        return "it has read no changes yet"
    if time.monotonic() < _left_alone_until:
        return "it did not answer just now"
    if other is not None and reached < other - BEHIND_MAX:
        return "it is behind"
    return ""


def _leave_alone(why: str) -> None:
    global _left_alone_until  # noqa: PLW0603
    _left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
    logger.warning("PostgreSQL answers searches for %.0f s: %s", LEFT_ALONE_SECONDS, why)


def _has_spelled_words(query: SearchQuery) -> bool:
    return any(may_be_misspelt(word) for asked in query.words or () for word in asked)
