"""The days that a dashboard shows: periods by name and by their days, and how they are drawn."""

from datetime import date

import pytest
from django.http import QueryDict

from analytics.admin.dashboard.asked import Asked, read_asked
from analytics.admin.dashboard.period import PERIODS, Period, period_between, period_named
from analytics.summary_selectors import DAY, MONTH

TODAY = date(2026, 1, 15)


def asked(query: str) -> Asked:
    return read_asked(QueryDict(query), today=TODAY, fixed={"tab": "Dashboard"})


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("7d", date(2026, 1, 9), TODAY),
        ("30d", date(2025, 12, 17), TODAY),
        ("90d", date(2025, 10, 18), TODAY),
        ("12m", date(2025, 2, 1), TODAY),
        ("this_month", date(2026, 1, 1), TODAY),
        ("last_month", date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_a_periods_name_means_these_days(name: str, first: date, last: date) -> None:
    assert period_named(name, today=TODAY) == Period(name, first, last)


def test_every_period_can_be_asked_for() -> None:
    for name in PERIODS:
        assert asked(f"period={name}").period.name == name


def test_the_period_before_is_as_long_and_ends_where_this_begins() -> None:
    before = period_named("30d", today=TODAY).before
    assert (before.first, before.last, before.days) == (date(2025, 11, 17), date(2025, 12, 16), 30)


def test_days_may_be_chosen_and_end_today_at_the_latest() -> None:
    found = asked("from=2025-12-30&to=2026-02-01")
    assert (found.period.first, found.period.last) == (date(2025, 12, 30), TODAY)
    assert not found.problem


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-01-10", "2026-01-09", "is after the last"),
        ("10 January", "2026-01-09", "“10 January” is no day"),
        ("2026-01-01", "2026-02-30", "“2026-02-30” is no day"),
        ("2026-01-01", "", "Give both days"),
        ("2026-01-16", "2026-01-20", "has not begun yet"),
        ("2024-01-01", "2026-01-01", "732 days are too many"),
        ("1969-01-01", "1969-01-02", "nothing before 2000-01-01"),
        ("\0", "9999-12-31", "is no day"),
    ],
)
def test_days_that_are_no_period_are_told_and_the_usual_one_shown(
    first: str, last: str, words: str
) -> None:
    query = QueryDict(mutable=True)
    query.update({"from": first, "to": last, "period": "7d"})
    found = read_asked(query, today=TODAY)
    assert words in found.problem
    assert found.period == period_named("30d", today=TODAY)


def test_two_years_with_a_leap_day_are_the_most() -> None:
    found = period_between("2023-03-01", "2025-02-28", today=TODAY)
    assert isinstance(found, Period)
    assert found.days == 731


def test_a_form_that_only_changes_the_currency_keeps_the_periods_name() -> None:
    found = asked("period=30d&from=2025-12-17&to=2026-01-15&currency=EUR")
    assert found.period.name == "30d"
    assert found.url() == "?tab=Dashboard&environment=live&period=30d&currency=EUR"
    assert asked("period=30d&from=2025-12-18&to=2026-01-15").period.name == "custom"


def test_an_address_says_all_that_is_shown() -> None:
    query = "environment=test&from=2025-12-30&to=2026-01-02&currency=EUR&grain=month"
    found = asked(query)
    assert found.url() == (
        "?tab=Dashboard&environment=test&from=2025-12-30&to=2026-01-02&currency=EUR&grain=month"
    )
    assert found.url(period="7d", currency="") == (
        "?tab=Dashboard&environment=test&grain=month&period=7d"
    )
    assert asked(found.url()[1:]) == found


def test_what_cannot_be_read_is_left_out() -> None:
    found = asked("environment=prod&currency=usd&grain=hour&period=forever")
    assert (found.environment, found.currency, found.grain) == ("live", None, DAY)
    assert found.period == period_named("30d", today=TODAY)


def test_more_days_than_have_room_are_drawn_by_month() -> None:
    assert asked("from=2025-10-16&to=2026-01-15").grain == DAY
    assert asked("from=2025-10-15&to=2026-01-15").grain == MONTH
    assert asked("period=12m&grain=day").grain == MONTH
    assert asked("period=30d&grain=month").grain == MONTH
