"""What is searched for and what is found: the same for both engines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

ELASTICSEARCH, POSTGRESQL = "elasticsearch", "postgresql"

CREATED_AT, AMOUNT = "created_at", "amount"
# Of a text that is searched for.
TEXT_LENGTH_MAX, ASKED_WORDS_MAX = 200, 20
SORTS = ("-created_at", "created_at", "-amount", "amount")

# Facets by the payment's field that they count.
FIELD_FACETS = {
    "status": "status",
    "currency": "currency",
    "brand": "brand",
    "gateway": "gateway_name",
}
FACETS = (*FIELD_FACETS, AMOUNT)
FACET_VALUES_MAX = 50
# Lower bounds of the amount's histogram, in minor units: each step is twice to two and a half times
# the one before, so that a few of them tell tips from cars.
AMOUNT_STEPS = (0, *(base * 10**power for power in range(2, 11) for base in (1, 2, 5)))


@dataclass(frozen=True, slots=True)
class Range:
    """Ends of a range, each where there is one: at least, and less than."""

    gte: Any = None
    lt: Any = None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is asked for.

    ``words`` is None without a text; an empty list is of a text without a word, which finds
    nothing. ``equal`` maps a payment's columns to values. ``created`` is a range of UUIDv7 ids.
    ``with_typos`` also finds words that are a letter or two apart.
    """

    words: Sequence[Sequence[str]] | None
    equal: Mapping[str, Any]
    amount: Range
    created: Range
    sort: str
    limit: int
    facets: Sequence[str] = ()
    with_typos: bool = False

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def sort_field(self) -> str:
        return self.sort.removeprefix("-")


@dataclass(frozen=True, slots=True)
class Place:
    """A payment's place in the order asked for; a page begins behind one."""

    id: UUID
    amount: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Elasticsearch keeps for the pages of a search, and up to when every change is in it."""

    id: str
    reached_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, in order, and counts of all that was found.

    ``total`` is exact unless ``is_total_exact`` says that there are more. Facets are of the payments
    that ``total`` counts. ``reached_at`` is up to when every change is taken into account, None if
    that is not known. ``snapshot`` is what the next page is to be read from, if anything;
    ``with_typos`` whether words that are a letter or two apart were found too.
    """

    places: Sequence[Place]
    has_more: bool
    total: int
    is_total_exact: bool
    engine: str
    facets: Mapping[str, Sequence[tuple[Any, int]]] = field(default_factory=dict)
    reached_at: datetime | None = None
    snapshot: Snapshot | None = None
    with_typos: bool = False
