"""Today's figures: closed hours from the roll-up, the rest from the payments, nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from analytics import selectors
from analytics.models import PaymentHour
from analytics.selectors import read_today
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours, roll_up_newest_hours
from payments_project.database.uuid7 import uuid7_floor
from tests.api_client import Api
from transactions.models import Transaction


@pytest.fixture
def _no_hours() -> Iterator[None]:
    """No hour is rolled up but by the test; afterwards all are, as they should be."""
    PaymentHour.objects.all().delete()
    yield
    PaymentHour.objects.all().delete()
    roll_up_hours(hours=24 * DAYS_KEPT)


def at(moment: datetime) -> type[datetime]:
    """A clock that stands."""

    class Standing(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz)

    return Standing


def hours_ago(hours: int) -> datetime:
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return this_hour - timedelta(hours=hours)


def rolled_up(hour: datetime, *, is_closed: bool, environment: str = "test") -> None:
    """An hour with one payment in a currency that no test pays in."""
    PaymentHour.objects.create(
        environment=environment, hour=hour, currency="XTS", transaction_count=1,
        successful_count=1, failed_count=0, captured_amount=1, is_closed=is_closed,
    )  # fmt: skip


@pytest.mark.usefixtures("_no_hours")
@pytest.mark.parametrize(("minutes", "is_closed"), [(61, False), (62, True)])
def test_hour_is_closed_two_minutes_after_its_end(
    api: Api, monkeypatch: pytest.MonkeyPatch, minutes: int, is_closed: bool
) -> None:
    made = Transaction.objects.get(pk=api.paid(amount=700)["id"]).created_at.astimezone(UTC)
    hour = made.replace(minute=0, second=0, microsecond=0)
    monkeypatch.setattr(
        "analytics.services.roll_up_hours.datetime", at(hour + timedelta(minutes=minutes))
    )

    assert roll_up_hours(hours=2)

    assert PaymentHour.objects.filter(hour=hour, is_closed=is_closed).exists()
    assert not PaymentHour.objects.filter(hour=hour, is_closed=not is_closed).exists()


@pytest.mark.usefixtures("_no_hours")
def test_payment_is_counted_in_the_roll_up_or_by_itself(api: Api) -> None:
    made = Transaction.objects.get(pk=api.paid(amount=700)["id"]).created_at.astimezone(UTC)
    now = made + timedelta(seconds=1)
    by_itself, _ = read_today(environment="test", now=now)
    assert roll_up_hours(hours=24)
    PaymentHour.objects.update(is_closed=True)

    closed, _ = read_today(environment="test", now=now)

    assert sum(part.captured for part in closed) == sum(part.captured for part in by_itself) > 0
    assert {part.hour for part in closed} == {part.hour for part in by_itself}
    assert {part.is_closed for part in closed} == {True}


@pytest.mark.usefixtures("_no_hours")
def test_hour_that_is_closed_in_one_environment_is_in_the_other() -> None:
    """An hour without payments has no row: the other's tells that it was looked at."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rolled_up(midnight + timedelta(hours=23), is_closed=True)

    assert read_today(environment="live", now=now) == ([], True)


@pytest.mark.usefixtures("_no_hours")
def test_what_is_left_out_of_a_busy_hour_is_said(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.paid(amount=700)
    monkeypatch.setattr(selectors, "OPEN_ROWS_MAX", 1)

    slices, is_all = read_today(environment="test", now=datetime.now(UTC))

    assert not is_all
    assert slices


@pytest.mark.usefixtures("_no_hours")
def test_hours_missed_while_no_worker_ran_are_caught_up_with(api: Api) -> None:
    api.paid(amount=700)
    # The last run was in the middle of an hour, which it left open.
    rolled_up(hours_ago(6), is_closed=True)
    rolled_up(hours_ago(5), is_closed=False)
    expected = Transaction.objects.filter(id__gte=uuid7_floor(hours_ago(6))).count()

    assert roll_up_newest_hours()

    rows = PaymentHour.objects.filter(hour__gte=hours_ago(6)).exclude(currency="XTS")
    assert sum(rows.values_list("transaction_count", flat=True)) == expected > 0


@pytest.mark.usefixtures("_no_hours")
def test_first_run_of_all_computes_every_hour(api: Api) -> None:
    api.paid(amount=700)

    assert roll_up_newest_hours()

    since = datetime.now(UTC) - timedelta(days=DAYS_KEPT - 1)
    expected = Transaction.objects.filter(id__gte=uuid7_floor(since)).count()
    rows = PaymentHour.objects.values_list("transaction_count", flat=True)
    assert sum(rows) >= expected > 0
