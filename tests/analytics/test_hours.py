"""The hourly roll-up behind the home page: equal to a recount of the payments, however often run."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from analytics.models import DeclineHour, PaymentHour
from analytics.selectors import read_days, read_declines
from analytics.services.roll_up_hours import DAYS_KEPT, roll_up_hours
from tests.api_client import Api
from tests.threads import at_once


def recounted() -> set[tuple[Any, ...]]:
    """Every hour of the last days, counted from the payments one by one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT environment, created_at, currency, status, captured_amount FROM transactions"
            " WHERE created_at >= %s",
            [datetime.now(UTC) - timedelta(days=DAYS_KEPT - 1)],
        )
        rows = cursor.fetchall()
    hours: dict[tuple[Any, ...], list[int]] = {}
    for environment, created_at, currency, status, captured in rows:
        hour = created_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        counts = hours.setdefault((environment, hour, currency), [0, 0, 0, 0])
        counts[0] += 1
        if status in ("succeeded", "refunded", "disputed"):
            counts[1] += 1
            counts[3] += captured
        counts[2] += status == "failed"
    return {(*key, *counts) for key, counts in hours.items()}


def rolled_up() -> set[tuple[Any, ...]]:
    since = datetime.now(UTC) - timedelta(days=DAYS_KEPT - 1)
    return set(
        PaymentHour.objects.filter(hour__gte=since).values_list(
            "environment", "hour", "currency", "transaction_count", "successful_count",
            "failed_count", "captured_amount",
        )
    )  # fmt: skip


def business(api: Api) -> None:
    api.paid(amount=700)
    api.paid(amount=800, currency="EUR")
    api.paid(amount=900, capture=False)
    assert api.pay("4000000000009995").status_code == 402


def test_hours_equal_a_recount_whenever_they_are_rolled_up(api: Api) -> None:
    business(api)
    assert roll_up_hours(hours=24 * DAYS_KEPT)
    # The first hour of the span is cut by the recount's own beginning.
    first = min(hour for _, hour, *_ in recounted())
    assert {row for row in rolled_up() if row[1] > first} == {
        row for row in recounted() if row[1] > first
    }

    held = api.paid(amount=1100, capture=False)["id"]
    roll_up_hours(hours=2)
    assert api.post(f"/v1/transactions/{held}/capture").status_code == 200
    at_once(3, lambda _: roll_up_hours(hours=2))

    assert {row for row in rolled_up() if row[1] > first} == {
        row for row in recounted() if row[1] > first
    }


def test_declines_are_counted_by_their_code(api: Api) -> None:
    roll_up_hours(hours=2)
    since = datetime.now(UTC) - timedelta(hours=2)

    def count(code: str) -> int:
        return dict(read_declines(environment="test", since=since, most=100)).get(code, 0)

    before = count("lost_card")
    for _ in range(2):
        assert api.pay("4000000000009987").status_code == 402
    roll_up_hours(hours=2)

    assert count("lost_card") == before + 2


def test_last_week_is_compared_up_to_the_same_time_of_day() -> None:
    now = datetime(2026, 11, 26, 16, 30, tzinfo=UTC)
    with transaction.atomic():
        PaymentHour.objects.all().delete()
        for hour, amount in ((9, 100), (15, 200), (16, 400), (20, 800)):
            PaymentHour.objects.create(
                environment="live",
                hour=datetime(2026, 11, 19, hour, tzinfo=UTC),
                currency="EUR",
                transaction_count=2,
                successful_count=1,
                failed_count=1,
                captured_amount=amount,
            )
        (day,) = read_days(environment="live", now=now, days=14)
        transaction.set_rollback(True)

    assert (day.captured, day.captured_by_now) == (1500, 700)
    assert (day.count, day.succeeded_by_now, day.failed_by_now) == (8, 3, 3)


def test_old_hours_are_forgotten() -> None:
    old = datetime.now(UTC) - timedelta(days=DAYS_KEPT + 1)
    PaymentHour.objects.create(
        environment="live", hour=old, currency="EUR", transaction_count=1, successful_count=1,
        failed_count=0, captured_amount=1,
    )  # fmt: skip
    DeclineHour.objects.create(environment="live", hour=old, code="lost_card", failed_count=1)
    roll_up_hours(hours=1)
    assert not PaymentHour.objects.filter(hour=old).exists()
    assert not DeclineHour.objects.filter(hour=old).exists()
