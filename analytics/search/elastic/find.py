"""Searching in Elasticsearch: every query has the merchant and the environment, put there in one
place (``_filters``).

A page is read from a point in time, so that what comes in meanwhile moves nothing. One is opened
for a second's searches of a process together: a search then is one question to Elasticsearch, and
there are never more open than seconds in which somebody searched. It shows what was there when it
was opened, so what is known to be in it was read before.
"""

import functools
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from analytics.search.elastic.client import client
from analytics.search.elastic.documents import ALIAS
from analytics.search.query import (
    AMOUNT,
    AMOUNT_STEPS,
    CREATED_AT,
    ELASTICSEARCH,
    FACET_VALUES_MAX,
    FIELD_FACETS,
    Found,
    Place,
    SearchQuery,
    Snapshot,
)
from analytics.search.words import may_be_beginning, may_be_misspelt
from payments_project.database.uuid7 import uuid7_time
from payments_project.tenancy import Scope

# Then PostgreSQL answers instead.
SECONDS_MAX = 2.0
# How long a page may be looked at before the next one is asked for; later it goes on from what is
# true then, behind the same place.
KEPT = "5m"
SHARED_SECONDS = 1.0
LONG_WORD = 8

Json = dict[str, Any]


class SearchAway(Exception):
    """Elasticsearch does not answer, or has no index: its error's kind."""


class _PointInTime:
    """The process's last one, and when it was opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Snapshot | None = None
        self._opened_at = 0.0

    def get(self, reached_at: datetime, *, instead_of: Snapshot | None = None) -> Snapshot:
        """One that is a second old at most, and not ``instead_of``, which is no good. In one that
        is opened now all is known to be that was there at ``reached_at``."""
        with self._lock:
            is_old = time.monotonic() - self._opened_at > SHARED_SECONDS
            if self._last is None or is_old or self._last == instead_of:
                opened = time.monotonic()
                found = _impatient(settings.ELASTICSEARCH_URL).open_point_in_time(
                    index=ALIAS, keep_alive=KEPT
                )
                self._last, self._opened_at = Snapshot(found["id"], reached_at), opened
            return self._last


_shared = _PointInTime()


def find(
    scope: Scope,
    query: SearchQuery,
    *,
    after: Place | None,
    snapshot: Snapshot | None,
    reached_at: datetime,
) -> Found:
    """A page behind ``after``, from the point in time that an earlier page was read from, as long
    as that is kept. At ``reached_at`` all that there was could be found. Raises ``SearchAway``."""
    body = request_body(scope, query, after=after)
    try:
        point = snapshot or _shared.get(reached_at)
        try:
            answer = _ask(body, point)
        except NotFoundError:
            # It was kept for too long, or its index is gone.
            point = _shared.get(reached_at, instead_of=point)
            answer = _ask(body, point)
    except (ApiError, TransportError) as error:
        raise SearchAway(type(error).__name__) from error
    hits = answer["hits"]["hits"]
    return Found(
        places=[_place(hit, query) for hit in hits[: query.limit]],
        has_more=len(hits) > query.limit,
        total=answer["hits"]["total"]["value"],
        is_total_exact=True,
        engine=ELASTICSEARCH,
        facets=_facets(query, answer.get("aggregations", {})),
        reached_at=point.reached_at,
        snapshot=Snapshot(answer["pit_id"], point.reached_at),
    )


def request_body(scope: Scope, query: SearchQuery, *, after: Place | None) -> Json:
    """The search as Elasticsearch takes it, all but the point in time."""
    order = "desc" if query.is_descending else "asc"
    body: Json = {
        "query": {"bool": {"filter": _filters(scope, query)}},
        "size": query.limit + 1,
        "sort": [{query.sort_field: order}, {"id": order}],
        "_source": False,
        "track_total_hits": True,
    }
    if after is not None:
        of_field = after.amount
        if query.sort_field == CREATED_AT:
            of_field = _milliseconds(after.id)
        body["search_after"] = [of_field, str(after.id)]
    if query.facets:
        body["aggs"] = {name: _facet(name) for name in query.facets}
    return body


def _ask(body: Json, point: Snapshot) -> Mapping[str, Any]:
    # A part of the shards is not what was asked for.
    answer: Mapping[str, Any] = (
        _impatient(settings.ELASTICSEARCH_URL)
        .search(
            **body,
            pit={"id": point.id, "keep_alive": KEPT},
            allow_partial_search_results=False,
        )
        .body
    )
    return answer


@functools.cache
def _impatient(url: str) -> Elasticsearch:
    """The process's client at ``url``, for who searches; making one costs as much as asking."""
    return client().options(request_timeout=SECONDS_MAX)


def _filters(scope: Scope, query: SearchQuery) -> list[Json]:
    """What every document must meet: whose it is first."""
    filters: list[Json] = [
        {"term": {"merchant_id": str(scope.merchant_id)}},
        {"term": {"environment": scope.environment}},
    ]
    filters += [{"term": {field: str(value)}} for field, value in query.equal.items()]
    filters += _range("amount", query.amount.gte, query.amount.lt)
    ends = [
        None if end is None else _milliseconds(end) for end in (query.created.gte, query.created.lt)
    ]
    filters += _range("created_at", *ends)
    if query.words is not None:
        filters += [_asked(whole, parts, query.with_typos) for whole, *parts in query.words]
        if not query.words:
            filters.append({"match_none": {}})
    return filters


def _asked(whole: str, parts: Sequence[str], with_typos: bool) -> Json:
    ways = _ways(whole, with_typos, is_beginning=may_be_beginning(whole))
    if parts:
        ways.append({"bool": {"filter": [_any(_ways(part, with_typos)) for part in parts]}})
    return _any(ways)


def _ways(word: str, with_typos: bool, *, is_beginning: bool = False) -> list[Json]:
    ways: list[Json] = [{"prefix" if is_beginning else "term": {"words": word}}]
    if with_typos and may_be_misspelt(word):
        letters = 2 if len(word) >= LONG_WORD else 1
        ways.append({"fuzzy": {"spelled": {"value": word, "fuzziness": letters}}})
    return ways


def _any(ways: list[Json]) -> Json:
    return ways[0] if len(ways) == 1 else {"bool": {"should": ways, "minimum_should_match": 1}}


def _range(field: str, gte: Any, lt: Any) -> list[Json]:
    ends = {name: end for name, end in (("gte", gte), ("lt", lt)) if end is not None}
    return [{"range": {field: ends}}] if ends else []


def _facet(name: str) -> Json:
    if name != AMOUNT:
        return {"terms": {"field": FIELD_FACETS[name], "size": FACET_VALUES_MAX}}
    ends = [*AMOUNT_STEPS[1:], None]
    ranges = [
        {"from": start} | ({} if end is None else {"to": end})
        for start, end in zip(AMOUNT_STEPS, ends, strict=True)
    ]
    return {"range": {"field": AMOUNT, "ranges": ranges}}


def _facets(query: SearchQuery, found: Mapping[str, Any]) -> dict[str, list[tuple[Any, int]]]:
    facets = {}
    for name in query.facets:
        key = "from" if name == AMOUNT else "key"
        counts = [(bucket[key], bucket["doc_count"]) for bucket in found[name]["buckets"]]
        facets[name] = [
            (int(value) if name == AMOUNT else value, count) for value, count in counts if count
        ]
    return facets


def _place(hit: Mapping[str, Any], query: SearchQuery) -> Place:
    amount = hit["sort"][0] if query.sort_field == AMOUNT else 0
    return Place(UUID(hit["_id"]), amount)


def _milliseconds(key: UUID) -> int:
    moment: datetime = uuid7_time(key)
    return round(moment.timestamp() * 1000)
