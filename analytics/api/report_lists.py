"""Reports that are lists: rows as objects, pages of them, and the whole as a file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from analytics.api.report_csv import BATCH_ROWS, Batch, ReportFile
from analytics.api.report_objects import ReportRow
from analytics.api.report_queries import ReportListQuery
from analytics.reports.rows import Place, Row, Wanted
from payments_project.api.objects import ListObject
from payments_project.database.pages import cursor_of
from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from payments_project.times import day_start

_ROW_ID = re.compile(r"(?P<day>\d{4}-\d\d(-\d\d)?)-(?P<currency>[A-Z]{3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReportList:
    """A report that is a list of ``item``, read by ``read``.

    ``by_month``: of months, not days. ``place_of`` finds the row of an id; None for rows whose id
    is made of their place.
    """

    name: str
    item: type[ReportRow]
    read: Callable[[Wanted], list[Row]]
    by_month: bool = False
    place_of: Callable[[Scope, str], Place | None] | None = None

    def page(self, scope: Scope, query: ReportListQuery) -> ListObject:
        """The page that the query asks for. Raises ``InvalidInput``, and ``ResourceMissing`` for a
        cursor that names no row of the merchant's."""
        wanted = self._wanted(scope, query, limit=query.limit + 1)
        cursor = cursor_of(query)
        if cursor is not None:
            name, value = cursor
            place = self._place(scope, value)
            if place is None:
                raise ResourceMissing("There is no such object to page from.", param=name)
            is_after = name == "starting_after"
            wanted = replace(wanted, after=place) if is_after else replace(wanted, before=place)
        found = self.read(wanted)
        has_more = len(found) > query.limit
        if has_more:
            found = found[1:] if wanted.before else found[:-1]
        return ListObject(
            url=f"/v1/reports/{self.name}",
            has_more=has_more,
            data=[self._object(scope, row) for row in found],
        )

    def file(self, scope: Scope, query: ReportListQuery) -> ReportFile:
        """All rows that the query asks for, as a file. Raises ``InvalidInput``."""
        wanted = self._wanted(scope, query, limit=BATCH_ROWS)
        return ReportFile(self.item, self._batches(wanted))

    def _batches(self, wanted: Wanted) -> Iterator[Batch]:
        while True:
            rows = self.read(wanted)
            yield [self._object(wanted.scope, row) for row in rows]
            if len(rows) < wanted.limit:
                return
            wanted = replace(wanted, after=Place(rows[-1]["day"], rows[-1]["currency"]))

    def _wanted(self, scope: Scope, query: ReportListQuery, *, limit: int) -> Wanted:
        days = query.days()
        return Wanted(
            scope=scope, limit=limit, first=days.first, last=days.last, currency=query.currency
        )

    def _place(self, scope: Scope, cursor: str) -> Place | None:
        if self.place_of is not None:
            return self.place_of(scope, cursor)
        parts = _ROW_ID.fullmatch(cursor)
        if parts is None:
            return None
        try:
            day = date.fromisoformat(parts["day"] + ("-01" if self.by_month else ""))
        except ValueError:
            return None
        place = Place(day, parts["currency"])
        one = Wanted(scope=scope, limit=1, first=day, last=day, currency=place.currency)
        return place if self.read(one) else None

    def _object(self, scope: Scope, row: Row) -> ReportRow:
        day = row["day"]
        shown = f"{day:%Y-%m}" if self.by_month else day.isoformat()
        content = {
            "id": f"{shown}-{row['currency']}",
            "environment": scope.environment,
            "created_at": day_start(day),
            "month": shown,
            **row,
        }
        return self.item.model_validate(content)
