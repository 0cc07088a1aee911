"""Lists over large tables: pages by key, no COUNT, and a limit on what a filter may read.

A page is the rows before or after a key (``?p=older.KEY``), in the order of one index, so the
ten-thousandth page costs what the first one does. A filter without an index of its own could read a
whole table to find nothing; here it looks at ``scan_rows_max`` rows, says how far it got, and goes
on from there when asked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from payments_project.console.estimates import estimate_rows
from payments_project.database.uuid7 import uuid7_time

OLDER = "older"
NEWER = "newer"


class EstimatePaginator(Paginator):
    """Django's paginator with an estimated count, for the places that the list does not serve
    (autocomplete). A page past the end is empty rather than an error.
    """

    @cached_property
    def count(self) -> int:
        return max(estimate_rows(self.object_list.model._meta.db_table), self.per_page + 1)

    def validate_number(self, number: Any) -> int:
        try:
            return max(1, int(number))
        except (TypeError, ValueError):
            return 1


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts: beside the row with ``key``, on its older or newer side."""

    side: str
    key: Any

    def __str__(self) -> str:
        return f"{self.side}.{self.key}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page's rows, newest first, and where to go on.

    ``looked_back_to`` is set when a filter stopped at its limit rather than at the end.
    """

    rows: list[Model]
    older: Position | None
    newer: Position | None
    looked_back_to: datetime | None = None
    estimate: int | None = None


class FastChangeList(ChangeList):
    """A change list whose every query has a LIMIT and an index that gives its order."""

    page: Page

    def get_results(self, request: HttpRequest) -> None:
        """Reads one page; sets what Django's and Unfold's templates expect besides ``page``."""
        position = self._position(request)
        self.page = self._read(position)
        if position is None and not self._is_narrowed():
            self.page = _with_estimate(self.page, self.model)
        self.result_list = self.page.rows
        self.result_count = len(self.page.rows)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.page.rows)
        self.can_show_all = False
        self.multi_page = bool(self.page.older or self.page.newer)
        self.paginator = EstimatePaginator(self.queryset, self.list_per_page)

    @property
    def is_keyset(self) -> bool:
        """Whether rows are in the order of their primary key alone."""
        return len(self._key_order()) == 1

    def older_url(self) -> str:
        """The next page; empty when there is none."""
        return self._url(self.page.older)

    def newer_url(self) -> str:
        """The page before; empty when there is none."""
        return self._url(self.page.newer)

    def newest_url(self) -> str:
        """The first page."""
        return self.get_query_string(remove=[PAGE_VAR])

    def _url(self, position: Position | None) -> str:
        return self.get_query_string({PAGE_VAR: str(position)}) if position else ""

    def _key_order(self) -> tuple[str, ...]:
        return tuple(self.model_admin.get_ordering(None) or ("-pk",))

    def _is_narrowed(self) -> bool:
        return bool(self.query or self.get_filters_params())

    def _position(self, request: HttpRequest) -> Position | None:
        side, _, key = request.GET.get(PAGE_VAR, "").partition(".")
        if side not in (OLDER, NEWER) or not key:
            return None
        try:
            field = self.model._meta.pk if self.is_keyset else None
            return Position(side, field.to_python(key) if field else int(key))
        except (ValidationError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def _read(self, position: Position | None) -> Page:
        if not self.is_keyset:
            return self._read_by_offset(position)
        newer_side = position is not None and position.side == NEWER
        rows: list[Model] = []
        ends: list[Any] = []
        for branch in self._branches():
            found, end = self._read_branch(branch, position)
            rows += found
            if end is not None:
                ends.append(end)
        rows.sort(key=lambda row: row.pk, reverse=not newer_side)
        # Beyond the nearest place where one branch stopped, another one's rows have gaps.
        end = (min(ends) if newer_side else max(ends)) if ends else None
        if end is not None:
            rows = [row for row in rows if (row.pk <= end if newer_side else row.pk >= end)]
        return self._page(rows, position, end)

    def _page(self, rows: list[Model], position: Position | None, end: Any) -> Page:
        newer_side = position is not None and position.side == NEWER
        has_more = len(rows) > self.list_per_page
        rows = rows[: self.list_per_page]
        ahead = rows[-1].pk if has_more else end
        if newer_side:
            rows.reverse()
            older = Position(OLDER, rows[-1].pk) if rows else Position(OLDER, position.key)
            newer = None if ahead is None else Position(NEWER, ahead)
            return Page(rows, older, newer, self._time(None if has_more else end))
        newer = None
        if position is not None:
            newer = Position(NEWER, rows[0].pk if rows else position.key)
        older = None if ahead is None else Position(OLDER, ahead)
        return Page(rows, older, newer, self._time(None if has_more else end))

    def _time(self, key: Any) -> datetime | None:
        return uuid7_time(key) if isinstance(key, UUID) else None

    def _branches(self) -> list[dict[str, Any]]:
        """Conditions under which an index gives rows in order: one of them, or one for each
        environment where the index has that column between its scope and the key."""
        scope = self.model_admin.scope_of(self)
        if not scope:
            return [{}]
        branch_on, values = self.model_admin.scope_branches
        if not branch_on or branch_on in scope:
            return [scope]
        return [{**scope, branch_on: value} for value in values]

    def _read_branch(
        self, branch: dict[str, Any], position: Position | None
    ) -> tuple[list[Model], Any]:
        newer_side = position is not None and position.side == NEWER
        order = "pk" if newer_side else "-pk"
        filtered = self.queryset.filter(**branch).order_by(order)
        if position is not None:
            filtered = filtered.filter(**{"pk__gt" if newer_side else "pk__lt": position.key})
        end = None
        if self._needs_limit():
            candidates: QuerySet = self.model._base_manager.filter(
                **branch, **self.model_admin.key_range_of(self)
            )
            if position is not None:
                candidates = candidates.filter(
                    **{"pk__gt" if newer_side else "pk__lt": position.key}
                )
            limit = self.model_admin.scan_rows_max
            end = candidates.order_by(order).values_list("pk", flat=True)[limit : limit + 1].first()
            if end is not None:
                filtered = filtered.filter(**{"pk__lte" if newer_side else "pk__gte": end})
        return list(filtered[: self.list_per_page + 1]), end

    def _needs_limit(self) -> bool:
        """Whether a condition is in force that the list's order does not help to find."""
        if self.query:
            return not self.model_admin.search_is_indexed(self.query)
        return bool(self.model_admin.unindexed_parameters(self.get_filters_params()))

    def _read_by_offset(self, position: Position | None) -> Page:
        """For the few tables without a single ordered key; as far as leafing makes sense."""
        start = min(position.key, self.model_admin.offset_max) if position else 0
        size = self.list_per_page
        rows = list(self.queryset[start : start + size + 1])
        older = None
        if len(rows) > size and start + size <= self.model_admin.offset_max:
            older = Position(OLDER, start + size)
        newer = Position(OLDER, max(0, start - size)) if start else None
        return Page(rows[:size], older, newer)


def _with_estimate(page: Page, model: type[Model]) -> Page:
    if page.older is None:
        return Page(page.rows, page.older, page.newer, page.looked_back_to, len(page.rows))
    known = max(estimate_rows(model._meta.db_table), len(page.rows) + 1)
    return Page(page.rows, page.older, page.newer, page.looked_back_to, known)
