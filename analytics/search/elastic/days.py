"""What an index has of one UTC day, for comparing it with the payments."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from analytics.search.elastic.client import client
from analytics.search.elastic.indices import write_alias
from payments_project.times import day_start

PAGE = 5_000

_SUMS = ("revision", "amount", "captured_amount", "refunded_amount")


def sums_of(day: date, *, index: str) -> tuple[int, int, int, int, int]:
    """How many documents there are, and the sums of their revisions, amounts, captured and refunded
    amounts. What was written before is in it. Raises as the client does."""
    elastic = client()
    elastic.indices.refresh(index=index)
    answer = elastic.search(
        index=index,
        size=0,
        query=_of_day(day),
        track_total_hits=True,
        aggs={name: {"sum": {"field": name}} for name in _SUMS},
    )
    revisions, amount, captured, refunded = (
        round(answer["aggregations"][name]["value"]) for name in _SUMS
    )
    return answer["hits"]["total"]["value"], revisions, amount, captured, refunded


class Indexed(NamedTuple):
    """A document's revision, and its version, which is the same unless somebody has written past
    us."""

    revision: int
    version: int


def indexed_on(day: date, *, index: str) -> dict[UUID, Indexed]:
    """Every document of the day by its id."""
    found: dict[UUID, Indexed] = {}
    after: list[Any] | None = None
    while True:
        hits = client().search(
            index=index,
            size=PAGE,
            query=_of_day(day),
            sort=[{"id": "asc"}],
            search_after=after,
            docvalue_fields=[{"field": "revision"}],
            source=False,
            version=True,
        )["hits"]["hits"]
        if not hits:
            return found
        for hit in hits:
            found[UUID(hit["_id"])] = Indexed(hit["fields"]["revision"][0], hit["_version"])
        after = hits[-1]["sort"]


def delete_documents(ids: Sequence[UUID], *, index: str) -> None:
    """Deletes documents by id."""
    elastic = client()
    for start in range(0, len(ids), PAGE):
        batch = [{"delete": {"_id": str(key)}} for key in ids[start : start + PAGE]]
        elastic.bulk(index=write_alias(index), operations=batch, require_alias=True)


def _of_day(day: date) -> dict[str, Any]:
    ends = (day_start(day), day_start(day + timedelta(days=1)))
    first, last = (round(moment.timestamp() * 1000) for moment in ends)
    return {"range": {"created_at": {"gte": first, "lt": last}}}
