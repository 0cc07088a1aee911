"""The days that a dashboard shows: periods by name, and any from one day to another."""

from dataclasses import dataclass
from datetime import date, timedelta

# Two years, one of them a leap year.
DAYS_MAX = 731
EARLIEST = date(2000, 1, 1)
CUSTOM = "custom"
USUAL = "30d"
# By name in an address: what it is called.
PERIODS = {
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "12m": "12 months",
    "this_month": "This month",
    "last_month": "Last month",
}
_DAYS_BACK = {"7d": 7, "30d": 30, "90d": 90}


@dataclass(frozen=True, slots=True)
class Period:
    """UTC days, both included; ``name`` is one of ``PERIODS`` or ``CUSTOM``."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """As many days that end where this one begins."""
        return Period(
            CUSTOM, self.first - timedelta(days=self.days), self.first - timedelta(days=1)
        )

    @property
    def words(self) -> str:
        """The first and the last day, the year once."""
        if self.first == self.last:
            return f"{self.last:%d %b %Y}"
        pattern = "%d %b" if self.first.year == self.last.year else "%d %b %Y"
        return f"{self.first:{pattern}} \N{EN DASH} {self.last:%d %b %Y}"


def period_named(name: str, *, today: date) -> Period:
    """One of ``PERIODS``; all but the last month end today, which is not over."""
    month = today.replace(day=1)
    if name == "last_month":
        last = month - timedelta(days=1)
        return Period(name, last.replace(day=1), last)
    if name == "this_month":
        return Period(name, month, today)
    if name == "12m":
        year, number = divmod(month.year * 12 + month.month - 1 - 11, 12)
        return Period(name, date(year, number + 1, 1), today)
    return Period(name, today - timedelta(days=_DAYS_BACK[name] - 1), today)


def period_between(first: str, last: str, *, today: date) -> Period | str:
    """From one day to another, as they were entered; up to today where the last is later.

    Where that is no period, what is wrong with it instead.
    """
    days = [_day(text) for text in (first, last)]
    wrong = next((text for text, day in zip((first, last), days, strict=True) if not day), None)
    begin, end = days
    if begin is None or end is None:
        return f"“{wrong}” is no day: write it as {today}." if wrong else "Give both days."
    if begin > end:
        return f"The first day, {begin}, is after the last, {end}."
    if begin > today:
        return f"{begin} has not begun yet."
    if begin < EARLIEST:
        return f"There is nothing before {EARLIEST}."
    period = Period(CUSTOM, begin, min(end, today))
    if period.days > DAYS_MAX:
        return f"{period.days:,} days are too many: two years at most."
    return period


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
