"""Rows of reports that are lists: newest first, then by currency, from a place in that order on.

A row's place is its day and currency; of a report by month the day is the month's first.
"""

from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from analytics.errors import ReportTooLarge
from payments_project.database.statements import planned_for_their_values
from payments_project.database.transaction_manager import sqlstate
from payments_project.database.uuid7 import uuid7_floor
from payments_project.tenancy import Scope
from payments_project.times import day_start

Row = dict[str, Any]

_QUERY_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in its report."""

    day: date
    currency: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a merchant's report: at most ``limit`` of the days ``first`` to ``last``, both
    included, after or before a place; the newest come first either way."""

    scope: Scope
    limit: int
    first: date = date.min
    last: date = date.max
    currency: str | None = None
    after: Place | None = None
    before: Place | None = None

    def narrowed(self) -> "Wanted":
        """The same without the days that no wanted row can be of."""
        if self.after is not None:
            return replace(self, last=min(self.last, self.after.day))
        if self.before is not None:
            return replace(self, first=max(self.first, self.before.day))
        return self


def read_rows(report: str, wanted: Wanted, **more: Any) -> list[Row]:
    """The wanted rows of a statement whose columns ``day`` and ``currency`` are a row's place.

    It may name ``merchant_id``, ``environment``, ``currency`` (NULL for all), ``first`` and
    ``last``, and what is given as ``more``. Raises ``ReportTooLarge``.
    """
    wanted = wanted.narrowed()
    parameters: dict[str, Any] = {
        "merchant_id": wanted.scope.merchant_id,
        "environment": wanted.scope.environment,
        "currency": wanted.currency,
        "first": wanted.first,
        "last": wanted.last,
        "limit": wanted.limit,
        **more,
    }
    beyond, order = "", "day DESC, currency"
    place = wanted.after or wanted.before
    if place is not None:
        parameters |= {"place_day": place.day, "place_currency": place.currency}
        newer, later = ("<", ">") if wanted.after else (">", "<")
        beyond = (
            f"WHERE day {newer} %(place_day)s"
            f" OR (day = %(place_day)s AND currency {later} %(place_currency)s)"
        )
        order = order if wanted.after else "day, currency DESC"
    sql = f"SELECT * FROM ({report}) AS report {beyond} ORDER BY {order} LIMIT %(limit)s"
    with in_time(), planned_for_their_values(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return rows if place is None or wanted.after else rows[::-1]


@contextmanager
def in_time() -> Iterator[None]:
    """Around a report's statement. Raises ``ReportTooLarge`` where it reaches the time-out."""
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) != _QUERY_CANCELED:
            raise
        raise ReportTooLarge(
            "There is too much for one report; ask for fewer days, or for later ones."
        ) from error


def day_end(day: date) -> datetime:
    """When the UTC day is over: the next one's beginning, or the end of all time."""
    return (
        day_start(day + timedelta(days=1)) if day < date.max else datetime.max.replace(tzinfo=UTC)
    )


def ids_of_days(first: date, last: date) -> tuple[UUID, UUID]:
    """The UUIDv7 ids of the days ``first`` to ``last``: from one, up to and without the other."""
    return uuid7_floor(day_start(first)), uuid7_floor(day_end(last))


def month_end(day: date) -> date:
    """The last day of the month of a day."""
    return day.replace(day=monthrange(day.year, day.month)[1])
