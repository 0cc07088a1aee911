"""Cursor pages: newest first, by id, never counting.

What is asked for is anything with a ``limit`` and the two cursors; the API's list queries are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Model, QuerySet

from payments_project.database.uuid7 import uuid_of
from payments_project.errors import InvalidInput, ResourceMissing

Row = TypeVar("Row", bound=Model)


class PageQuery(Protocol):
    """Which page: at most ``limit`` rows, after or before the object that a cursor names."""

    @property
    def limit(self) -> int:
        """At least 1."""

    @property
    def starting_after(self) -> str | None:
        """An object's id; the page is what is older."""

    @property
    def ending_before(self) -> str | None:
        """An object's id; the page is what is just newer."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page's rows, newest first, and whether there are more beyond it."""

    rows: Sequence[Row]
    has_more: bool


def cursor_of(query: PageQuery) -> tuple[str, str] | None:
    """The cursor's name and value; None on the first page. Raises ``InvalidInput`` for two."""
    if query.starting_after is not None and query.ending_before is not None:
        raise InvalidInput("Give either starting_after or ending_before.", param="ending_before")
    if query.starting_after is not None:
        return "starting_after", query.starting_after
    if query.ending_before is not None:
        return "ending_before", query.ending_before
    return None


def page_by_id(rows: "QuerySet[Row]", query: PageQuery) -> Page[Row]:
    """The page of ``rows`` (the caller's own, filtered) that ``query`` asks for, by UUIDv7 id.

    A cursor must be an object of the caller's: any other is ``ResourceMissing`` for its parameter.
    It need not be in the filtered list, so that a changed object does not break paging.
    """
    cursor = cursor_of(query)
    if cursor is None:
        found = list(rows.order_by("-pk")[: query.limit + 1])
        return Page(found[: query.limit], len(found) > query.limit)
    name, value = cursor
    identity = uuid_of(value)
    if identity is None:
        raise ResourceMissing("There is no such object to page from.", param=name)
    if name == "starting_after":
        found = list(rows.filter(pk__lt=identity).order_by("-pk")[: query.limit + 1])
        return Page(found[: query.limit], len(found) > query.limit)
    found = list(rows.filter(pk__gt=identity).order_by("pk")[: query.limit + 1])
    return Page(found[: query.limit][::-1], len(found) > query.limit)


def require_cursor(query: PageQuery, exists: Callable[[Any], bool]) -> None:
    """Raises ``ResourceMissing`` unless the cursor's object exists for the caller."""
    cursor = cursor_of(query)
    if cursor is None:
        return
    name, value = cursor
    identity = uuid_of(value)
    if identity is None or not exists(identity):
        raise ResourceMissing("There is no such object to page from.", param=name)
