"""Lists over large tables: pages by key, no COUNT, and a limit on what a filter may read.

A page is the rows before or after a row (``?p=older.KEY``), in the order of one index, so the
ten-thousandth page costs what the first one does. A filter without an index of its own could read a
whole table to find nothing; here it looks at ``scan_rows_max`` rows, says how far it got, and goes
on from there when asked.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from payments_project.console.estimates import estimate_rows
from payments_project.console.keyset import NEWER, OLDER, KeyOrder, Place, Position
from payments_project.database.uuid7 import uuid7_time


class EstimatePaginator(Paginator):
    """Django's paginator with an estimated count, for the places that the list does not serve
    (autocomplete). A page past the end is empty rather than an error.
    """

    @cached_property
    def count(self) -> int:
        return max(estimate_rows(_table(self.object_list.model)), self.per_page + 1)

    def validate_number(self, number: Any) -> int:
        try:
            return max(1, int(number))
        except (TypeError, ValueError):
            return 1


@dataclass(frozen=True, slots=True)
class Page:
    """One page's rows, newest first, and where to go on.

    ``looked_back_to`` is set when a filter stopped at its limit rather than at the end, and
    ``estimate`` on the first page of a whole table.
    """

    rows: list[Model]
    older: Position | None = None
    newer: Position | None = None
    looked_back_to: datetime | date | None = None
    estimate: int | None = None

    @property
    def estimate_words(self) -> str:
        """``10.2 million``: as exact as an estimate is."""
        count = self.estimate or 0
        for size, word in ((1_000_000_000, "billion"), (1_000_000, "million")):
            if count >= size:
                return f"{count / size:.1f} {word}"
        return f"{round(count, -2):,}" if count >= 1_000 else str(count)


class FastChangeList(ChangeList):
    """A change list whose every query has a LIMIT and an index that gives its order."""

    page: Page
    chips: list[dict[str, str]]

    @cached_property
    def order(self) -> KeyOrder:
        return KeyOrder.of(self.model, self.model_admin.ordering)

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str] | None = None
    ) -> QuerySet:
        """As Django's; what no filter takes leads back to the list, and so does a NUL, which
        PostgreSQL's text can't hold.
        """
        if any("\0" in value for values in self.filter_params.values() for value in values):
            raise IncorrectLookupParameters
        try:
            queryset: QuerySet = super().get_queryset(request, exclude_parameters)
        except DisallowedModelAdminLookup as error:
            raise IncorrectLookupParameters from error
        return queryset

    def get_results(self, request: HttpRequest) -> None:
        """Reads one page; sets what Django's and Unfold's templates expect besides ``page``."""
        position = self._position(request)
        self.page = self._read(position)
        if position is None and not (self.query or self.get_filters_params()):
            self.page = self._with_estimate(self.page)
        self.chips = []
        self.result_list = self.page.rows
        self.result_count = self.full_result_count = len(self.page.rows)
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.page.rows)
        self.can_show_all = False
        self.multi_page = bool(self.page.older or self.page.newer)
        self.paginator = EstimatePaginator(self.queryset, self.list_per_page)

    def older_url(self) -> str:
        """The next page; empty when there is none."""
        return self._url(self.page.older)

    def newer_url(self) -> str:
        """The page before; empty when there is none."""
        return self._url(self.page.newer)

    def newest_url(self) -> str:
        """The first page."""
        return self.get_query_string()

    def _url(self, position: Position | None) -> str:
        return self.get_query_string({PAGE_VAR: str(position)}) if position else ""

    def _position(self, request: HttpRequest) -> Position | None:
        try:
            return self.order.parse(request.GET.get(PAGE_VAR, ""))
        except (ValidationError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def _read(self, position: Position | None) -> Page:
        side = position.side if position else OLDER
        rows: list[Model] = []
        ends: list[Place] = []
        for branch in self.branches():
            found, end = self._read_branch(branch, position, side)
            rows += found
            if end is not None:
                ends.append(end)
        upwards = side == NEWER
        rows.sort(key=self.order.place_of, reverse=not upwards)
        if not ends:
            return self._page(rows, position, None)
        # Beyond the nearest place where one branch stopped, another one's rows have gaps.
        end = min(ends) if upwards else max(ends)
        within = [
            row
            for row in rows
            if (self.order.place_of(row) <= end if upwards else self.order.place_of(row) >= end)
        ]
        return self._page(within, position, end)

    def _page(self, rows: list[Model], position: Position | None, end: Place | None) -> Page:
        has_more = len(rows) > self.list_per_page
        rows = rows[: self.list_per_page]
        ahead = self.order.place_of(rows[-1]) if has_more else end
        looked_back_to = None if has_more or end is None else _time(end[0])
        if position is None or position.side == OLDER:
            older = None if ahead is None else Position(OLDER, ahead)
            newer = None
            if position is not None:
                newer = Position(NEWER, self.order.place_of(rows[0]) if rows else position.place)
            return Page(rows, older, newer, looked_back_to)
        if ahead is None:
            # The newest page, and a full one.
            return self._read(None)
        rows.reverse()
        back = self.order.place_of(rows[-1]) if rows else position.place
        return Page(rows, Position(OLDER, back), Position(NEWER, ahead), looked_back_to)

    def branches(self) -> list[dict[str, Any]]:
        """Conditions under which an index gives rows in order: one of them, or one for each
        environment where the index has that column between its scope and the key."""
        scope = self.model_admin.scope_of(self)
        branch_on, values = self.model_admin.scope_branches
        if not scope or not branch_on or branch_on in scope:
            return [scope]
        return [{**scope, branch_on: value} for value in values]

    def _read_branch(
        self, branch: dict[str, Any], position: Position | None, side: str
    ) -> tuple[list[Model], Place | None]:
        """At most a page and one row, and where the limit on reading ended it, if it did."""
        ordering = self.order.ordering(side)
        filtered: QuerySet = self.queryset.filter(**branch).order_by(*ordering)
        if position is not None:
            filtered = filtered.filter(self.order.beyond(position))
        end = self.scan_end(branch, position, ordering) if self.needs_limit() else None
        if end is not None:
            back = Position(OLDER if side == NEWER else NEWER, end)
            filtered = filtered.filter(self.order.beyond(back, inclusive=True))
        return list(filtered[: self.list_per_page + 1]), end

    def scan_end(
        self, branch: dict[str, Any], position: Position | None, ordering: list[str]
    ) -> Place | None:
        """The place beyond the last row that may be looked at; None if there are not so many."""
        candidates: QuerySet = self.model.objects.filter(
            **branch, **self.model_admin.key_range_of(self)
        )
        if position is not None:
            candidates = candidates.filter(self.order.beyond(position))
        limit = self.model_admin.scan_rows_max
        places = candidates.order_by(*ordering).values_list(*self.order.names)
        found = list(places[limit : limit + 1])
        return tuple(found[0]) if found else None

    def needs_limit(self) -> bool:
        """Whether a condition is in force that the list's order does not help to find."""
        if self.query:
            return not self.model_admin.search_is_indexed(self.query)
        return bool(self.model_admin.unindexed_parameters(self.get_filters_params()))

    def _with_estimate(self, page: Page) -> Page:
        if page.older is None:
            return replace(page, estimate=len(page.rows))
        known = max(estimate_rows(_table(self.model)), len(page.rows) + 1)
        return replace(page, estimate=known)


def _time(value: Any) -> datetime | date | None:
    if isinstance(value, UUID):
        return uuid7_time(value)
    return value if isinstance(value, date) else None


def _table(model: type[Model]) -> str:
    return model._meta.db_table
