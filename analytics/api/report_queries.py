"""What the reports take: days or months, a currency, JSON or CSV."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from analytics.reports.settlements import DELAY_DAYS_MAX
from payments_project.api.bodies import Currency
from payments_project.api.query import ListQuery, Query
from payments_project.errors import InvalidInput

# Of reports that are made from the ledger while their caller waits; a leap year.
DAYS_MAX = 366
DAYS_BY_DEFAULT = 30
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)


def _day(value: Any) -> Any:
    try:
        if not _DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("day", "Not a day such as 2026-01-31.") from None


def _month(value: Any) -> Any:
    try:
        if not _MONTH.fullmatch(value):
            raise ValueError
        return date.fromisoformat(f"{value}-01")
    except ValueError:
        raise PydanticCustomError("month", "Not a month such as 2026-01.") from None


QueryDay = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]
QueryMonth = Annotated[
    date,
    BeforeValidator(_month, json_schema_input_type=str),
    Field(json_schema_extra={"pattern": r"^[0-9]{4}-[0-9]{2}$", "format": "month"}),
]
Format = Annotated[
    Literal["json", "csv"],
    Field(description="`csv` for a file of all rows: without `limit` and cursors."),
]


@dataclass(frozen=True, slots=True)
class Range:
    """Days, both included."""

    first: date
    last: date


class ReportQuery(Query):
    """What every report takes."""

    currency: Currency | None = None
    format: Format = "json"

    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")

    def days(self) -> Range:
        """The range asked for; all days by default. Raises ``InvalidInput``."""
        return _in_order(self.first or date.min, self.last or date.max)

    def named_ends(self) -> list[str]:
        """The range's ends for a file's name, where it has ends."""
        days = self.days()
        ends = (days.first, days.last)
        return [self.shown(day) for day in ends if day not in (date.min, date.max)]

    def shown(self, day: date) -> str:
        """A day as this report takes it."""
        return day.isoformat()

    @property
    def is_csv(self) -> bool:
        """Whether a file is asked for."""
        return self.format == "csv"


class ReportListQuery(ListQuery, ReportQuery):
    """What every report that is a list takes."""

    def require_one_form(self) -> None:
        """Raises ``InvalidInput`` for a file that is to be paged."""
        for name in ("limit", "starting_after", "ending_before"):
            if self.is_csv and name in self.model_fields_set:
                raise InvalidInput(
                    f"{name}: A CSV file has all rows; there are no pages of it.", param=name
                )


class DailySummaryQuery(ReportListQuery):
    """``GET /v1/reports/daily_summaries``."""

    first: QueryDay | None = Field(
        None, alias="from", description="The first day (UTC); without it, from the first there is."
    )
    last: QueryDay | None = Field(
        None, alias="to", description="The last day (UTC), included; without it, to the newest."
    )


class MonthQuery(ReportListQuery):
    """``GET /v1/reports/monthly_stats`` and ``/v1/reports/disputes``."""

    first: QueryMonth | None = Field(
        None, alias="from", description="The first month (UTC); without it, from the first one."
    )
    last: QueryMonth | None = Field(
        None, alias="to", description="The last month (UTC), included; without it, to the newest."
    )

    def shown(self, day: date) -> str:
        """The month of a day."""
        return day.isoformat()[:7]


_BOUNDED_FROM = Field(
    None,
    alias="from",
    description=f"The first day (UTC); {DAYS_BY_DEFAULT} days by default, {DAYS_MAX} at most.",
)


class LedgerQuery(ReportQuery):
    """``GET /v1/reports/balance``: some days, up to today unless told otherwise."""

    first: QueryDay | None = _BOUNDED_FROM
    last: QueryDay | None = Field(
        None, alias="to", description="The last day (UTC), included; today by default."
    )

    def days(self) -> Range:
        """The range asked for. Raises ``InvalidInput`` for more than ``DAYS_MAX`` days."""
        return _bounded(self.first, self.last, until=datetime.now(UTC).date())


class FeeQuery(LedgerQuery, ReportListQuery):
    """``GET /v1/reports/fees``."""


class SettlementQuery(ReportListQuery):
    """``GET /v1/reports/settlements``: days to come too."""

    first: QueryDay | None = _BOUNDED_FROM
    last: QueryDay | None = Field(
        None,
        alias="to",
        description="The last day (UTC), included; by default the last on which money that is"
        " pending now can become available.",
    )

    def days(self) -> Range:
        """The range asked for. Raises ``InvalidInput`` for more than ``DAYS_MAX`` days."""
        today = datetime.now(UTC).date()
        begin = self.first
        if begin is None and self.last is None:
            begin = today - timedelta(days=DAYS_BY_DEFAULT - 1)
        return _bounded(begin, self.last, until=today + timedelta(days=DELAY_DAYS_MAX))


def _bounded(first: date | None, last: date | None, *, until: date) -> Range:
    end = last or max(until, first or until)
    if first is None:
        # The year 1 has no 30 days before it.
        first = date.fromordinal(max(end.toordinal() - DAYS_BY_DEFAULT + 1, 1))
    days = _in_order(first, end)
    count = (end - first).days + 1
    if count > DAYS_MAX:
        raise InvalidInput(
            f"from: {count} days up to {end} are too many; the most is {DAYS_MAX}.", param="from"
        )
    return days


def _in_order(first: date, last: date) -> Range:
    if first > last:
        raise InvalidInput("from: Must not be after `to`.", param="from")
    return Range(first, last)
