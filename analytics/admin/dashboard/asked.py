"""What a dashboard is asked for. All of it stands in the address, so that a link shows the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.http import QueryDict

from analytics.admin.dashboard.period import (
    CUSTOM,
    PERIODS,
    USUAL,
    Period,
    period_between,
    period_named,
)
from analytics.summary_selectors import DAY, MONTH
from payments_project.tenancy import ENVIRONMENTS, LIVE

# More days than these don't stand side by side.
DAYS_DRAWN_MAX = 92
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of a dashboard; ``problem`` says what of them could not be used.

    ``currency`` is None where none was chosen, and ``chosen_grain`` empty; ``fixed`` are parameters
    that every address of the page keeps.
    """

    environment: str
    currency: str | None
    period: Period
    chosen_grain: str
    problem: str
    fixed: Mapping[str, str]
    today: date

    @property
    def grain(self) -> str:
        """Days or months: what was chosen, as far as the days have room."""
        if self.period.days > DAYS_DRAWN_MAX:
            return MONTH
        return self.chosen_grain or DAY

    @property
    def parameters(self) -> dict[str, str]:
        """The address's parameters for what is shown, without those that it would show anyway."""
        found = {**self.fixed, "environment": self.environment}
        if self.period.name == CUSTOM:
            found |= {"from": str(self.period.first), "to": str(self.period.last)}
        else:
            found["period"] = self.period.name
        if self.currency:
            found["currency"] = self.currency
        if self.chosen_grain:
            found["grain"] = self.chosen_grain
        return found

    def url(self, **changes: str) -> str:
        """The same page with other filters; a ``period`` takes the place of days, and an empty text
        that of a filter."""
        parameters = self.parameters | changes
        if "period" in changes:
            parameters = {
                name: text for name, text in parameters.items() if name not in ("from", "to")
            }
        return "?" + urlencode({name: text for name, text in parameters.items() if text})


def read_asked(query: QueryDict, *, today: date, fixed: Mapping[str, str] | None = None) -> Asked:
    """The filters in an address; what can't be read is left out, and told where it are days."""
    environment = query.get("environment", "")
    currency = query.get("currency", "")
    grain = query.get("grain", "")
    period, problem = _period(query, today)
    return Asked(
        environment=environment if environment in ENVIRONMENTS else LIVE,
        currency=currency if _CURRENCY.fullmatch(currency) else None,
        period=period,
        chosen_grain=grain if grain in (DAY, MONTH) else "",
        problem=problem,
        fixed=fixed or {},
        today=today,
    )


def _period(query: QueryDict, today: date) -> tuple[Period, str]:
    """The period asked for and what is wrong with it, in which case it is the usual one."""
    name = query.get("period", "")
    named = period_named(name if name in PERIODS else USUAL, today=today)
    first, last = query.get("from", "").strip(), query.get("to", "").strip()
    if not first and not last:
        return named, ""
    # The form has the days of the period that it was opened with.
    if name in PERIODS and (first, last) == (str(named.first), str(named.last)):
        return named, ""
    found = period_between(first, last, today=today)
    if isinstance(found, str):
        usual = period_named(USUAL, today=today)
        return usual, f"{found} These are the last {PERIODS[USUAL]}."
    return found, ""
