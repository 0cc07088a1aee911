"""The monthly view: what counts as success, in whose month, and how fresh."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection

from analytics.models import MerchantMonthlyStats
from analytics.selectors import monthly_stats_computed_at
from analytics.services import refresh_monthly_stats as refreshing
from analytics.services.refresh_monthly_stats import refresh_monthly_stats
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import make_merchant
from tests.schema.rows import APPLICATION, OWNER, connect, id_at, insert_row, make_months
from tests.threads import at_once


def stats(scope: Scope, currency: str = "USD") -> list[tuple[Any, ...]]:
    """Month, payments, successes, their sum, their mean and the risky ones, oldest month first."""
    rows = MerchantMonthlyStats.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment, currency=currency
    ).order_by("month")
    return [
        (
            row.month.date().isoformat(),
            row.transaction_count,
            row.successful_count,
            row.total_amount,
            row.avg_amount,
            row.high_risk_count,
        )
        for row in rows
    ]


def first_of_this_month() -> datetime:
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def scope() -> Scope:
    return make_merchant().scope()


@pytest.fixture
def owner() -> Iterator[psycopg.Connection]:
    with connect(OWNER) as connection:
        yield connection


def record_at(api: Api, moment: datetime, amount: int) -> None:
    """A payment that was taken elsewhere at that moment."""
    response = api.post(
        "/v1/transactions/record",
        {
            "amount": amount,
            "currency": "USD",
            "payment_method_type": "terminal",
            "external_reference": f"T-{moment:%s%f}",
            "occurred_at": moment.isoformat(),
        },
    )
    assert response.status_code == 201, response.text


def test_refunded_and_disputed_payments_have_succeeded(api: Api) -> None:
    api.paid(amount=1000)
    refunded = api.paid(amount=2000)
    api.post("/v1/refunds", {"transaction": refunded["id"]})
    api.paid("4000000000000259", amount=3000)
    partly = api.paid(amount=900, capture=False)
    api.post(f"/v1/transactions/{partly['id']}/capture", {"amount": 600})
    api.pay("4000000000000002", amount=50)
    api.pay("4100000000000019", amount=70)
    api.paid("4000000000004954", amount=400)
    api.paid(amount=80, capture=False)
    deliver_gateway_messages()

    refresh_monthly_stats()

    month = f"{datetime.now(UTC):%Y-%m-01}"
    assert stats(api.scope) == [(month, 8, 5, 7000, 1400, 2)]


def test_currencies_and_environments_are_counted_apart(api: Api, live_api: Api) -> None:
    api.paid(amount=1000)
    api.paid(amount=500, currency="EUR")
    live_api.paid(amount=300)

    refresh_monthly_stats()

    assert [row[1:4] for row in stats(api.scope)] == [(1, 1, 1000)]
    assert [row[1:4] for row in stats(api.scope, "EUR")] == [(1, 1, 500)]
    assert [row[1:4] for row in stats(live_api.scope)] == [(1, 1, 300)]


def test_months_are_utcs_whatever_the_sessions_zone(api: Api) -> None:
    begin = first_of_this_month()
    before = begin - timedelta(minutes=1)
    record_at(api, before, 100)
    record_at(api, begin, 20)

    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with connect(APPLICATION, autocommit=True) as elsewhere:
            elsewhere.execute(f"SET timezone = '{zone}'")
            elsewhere.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")
        assert [(row[0], row[3]) for row in stats(api.scope)] == [
            (f"{before:%Y-%m-01}", 100),
            (f"{begin:%Y-%m-01}", 20),
        ]


def test_two_years_are_whole_months(scope: Scope, owner: psycopg.Connection) -> None:
    begin = first_of_this_month()
    oldest = begin.replace(year=begin.year - 2)
    left_out = oldest - timedelta(milliseconds=1)
    make_months(owner, "transactions", f"{oldest:%Y-%m-%d}", f"{left_out:%Y-%m-%d}")
    for moment in (oldest, left_out):
        insert_row(
            owner,
            "transactions",
            id=id_at(moment),
            merchant_id=scope.merchant_id,
            currency="USD",
            status="pending",
        )
    owner.execute("REFRESH MATERIALIZED VIEW merchant_monthly_stats")

    counted = owner.execute(
        "SELECT month, transaction_count FROM merchant_monthly_stats WHERE merchant_id = %s",
        [scope.merchant_id],
    ).fetchall()

    assert counted == [(oldest, 1)]
    owner.rollback()


def test_refresh_shows_what_came_since(api: Api) -> None:
    refresh_monthly_stats()
    api.paid(amount=1000)
    assert stats(api.scope) == []

    refresh_monthly_stats()
    refresh_monthly_stats()

    assert [row[1:4] for row in stats(api.scope)] == [(1, 1, 1000)]


def test_of_refreshes_at_once_one_works_and_the_others_do_not_wait(api: Api) -> None:
    api.paid(amount=1000)

    assert any(at_once(3, lambda _: refresh_monthly_stats()))
    assert [row[1:4] for row in stats(api.scope)] == [(1, 1, 1000)]

    with connect(APPLICATION) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('refresh monthly stats', 0))")
        computed_at = monthly_stats_computed_at()
        assert refresh_monthly_stats() is False
        assert monthly_stats_computed_at() == computed_at


def test_the_view_says_when_it_was_true_no_later_than_what_it_counts(api: Api) -> None:
    before = clock()
    refresh_monthly_stats()
    computed_at = monthly_stats_computed_at()
    api.paid(amount=1000)

    assert computed_at is not None
    assert before < computed_at < clock()
    assert stats(api.scope) == []


def test_a_refresh_that_fails_leaves_the_view_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    refresh_monthly_stats()
    computed_at = monthly_stats_computed_at()
    monkeypatch.setattr(refreshing, "TIMEOUT_SECONDS", "0.001")

    with pytest.raises(DatabaseError):
        refresh_monthly_stats()

    assert monthly_stats_computed_at() == computed_at


def clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def test_view_can_be_read_while_it_is_refreshed(api: Api) -> None:
    api.paid(amount=1000)
    refresh_monthly_stats()
    with connect(APPLICATION) as other:
        other.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")

        assert [row[1:4] for row in stats(api.scope)] == [(1, 1, 1000)]
