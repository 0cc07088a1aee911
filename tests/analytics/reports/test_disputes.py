"""Disputes by the month of their payments."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.models import DailyTransactionSummary
from disputes.services.open_dispute import open_dispute
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.times import render_time
from tests.analytics.reports.reading import file_of, report, rows, summary, today
from tests.api_client import Api
from tests.stories.story import Story
from transactions.locking import lock_transaction

MONTH = f"{datetime.now(UTC):%Y-%m}"
COUNTED = (
    "successful_count", "dispute_count", "fraud_count", "dispute_rate", "fraud_rate",
    "disputed_amount", "won_amount", "lost_amount", "open_amount",
)  # fmt: skip


@pytest.fixture
def story(api: Api) -> Story:
    return Story(api)


def disputes(api: Api, **query: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (row["month"], row["currency"]): tuple(row[name] for name in COUNTED)
        for row in rows(api, "disputes", **query)
    }


def test_days_of_a_month_are_one_cohort(api: Api) -> None:
    summary(api.scope, "2026-02-28", successful_count=500, dispute_count=50)
    summary(api.scope, "2026-03-01", successful_count=100, dispute_count=1, fraud_count=1)
    summary(api.scope, "2026-03-31", successful_count=200, dispute_count=1)
    summary(api.scope, "2026-03-31", "JPY", transaction_count=4)
    summary(api.scope, "2026-04-01", successful_count=7)
    newest = datetime(2026, 4, 2, 3, 4, 5, tzinfo=UTC)
    DailyTransactionSummary.objects.filter(
        merchant_id=api.scope.merchant_id, summary_date="2026-03-01"
    ).update(updated_at=newest)
    DailyTransactionSummary.objects.filter(
        merchant_id=api.scope.merchant_id, summary_date="2026-03-31"
    ).update(updated_at=newest - timedelta(days=1))

    assert disputes(api) == {
        ("2026-04", "USD"): (7, 0, 0, 0.0, 0.0, 0, 0, 0, 0),
        ("2026-03", "JPY"): (0, 0, 0, None, None, 0, 0, 0, 0),
        ("2026-03", "USD"): (300, 2, 1, 0.006667, 0.003333, 0, 0, 0, 0),
        ("2026-02", "USD"): (500, 50, 0, 0.1, 0.0, 0, 0, 0, 0),
    }
    assert disputes(api, from_="2026-03", to="2026-03", currency="usd") == {
        ("2026-03", "USD"): (300, 2, 1, 0.006667, 0.003333, 0, 0, 0, 0)
    }
    (row,) = rows(api, "disputes", from_="2026-03", to="2026-03", currency="USD")
    assert row["id"] == "2026-03-USD"
    assert row["object"] == "monthly_disputes"
    assert row["created_at"] == "2026-03-01T00:00:00.000000Z"
    assert row["computed_at"] == render_time(newest)


def test_amounts_are_told_by_how_the_chargebacks_ended(story: Story) -> None:
    story.decided(story.disputed(story.paid(2000), 2000), "lost")
    story.decided(story.disputed(story.paid(4000), 3500), "won")
    story.disputed(story.paid(1000), 1000)
    story.disputed(story.paid(5000), 5000, kind="inquiry")
    # The summary of the day is not computed yet.
    assert disputes(story.api) == {(MONTH, "USD"): (0, 0, 0, None, None, 6500, 3500, 2000, 1000)}
    assert rows(story.api, "disputes")[0]["computed_at"] is None

    summary(story.api.scope, today(), successful_count=4, dispute_count=3, fraud_count=1)

    assert disputes(story.api) == {(MONTH, "USD"): (4, 3, 1, 0.75, 0.25, 6500, 3500, 2000, 1000)}


def test_a_late_dispute_is_of_the_month_of_its_payment(story: Story) -> None:
    before = datetime.now(UTC).replace(day=1, hour=0, minute=0) - timedelta(days=1)
    recorded = story.post(
        "transactions/record",
        {
            "amount": 900,
            "currency": "USD",
            "payment_method_type": "terminal",
            "external_reference": "T-1",
            "occurred_at": before.isoformat(),
        },
    )
    run_in_transaction(
        lambda: open_dispute(
            transaction=lock_transaction(transaction_id=recorded["id"]),
            dispute_type="chargeback",
            reason_code="fraudulent",
            amount=900,
            gateway_dispute_id=None,
            actor=SYSTEM,
        )
    )

    assert disputes(story.api) == {
        (f"{before:%Y-%m}", "USD"): (0, 0, 0, None, None, 900, 0, 0, 900)
    }
    assert disputes(story.api, from_=MONTH) == {}


def test_months_are_paged(api: Api) -> None:
    for month in range(1, 13):
        summary(api.scope, f"2025-{month:02}-15", successful_count=month)
    whole = rows(api, "disputes")
    assert [row["month"] for row in whole] == [f"2025-{month:02}" for month in range(12, 0, -1)]

    first = report(api, "disputes")
    second = report(api, "disputes", starting_after=first["data"][-1]["id"])
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert first["data"] + second["data"] == whole
    back = report(api, "disputes", limit=2, ending_before="2025-03-USD")
    assert (back["data"], back["has_more"]) == (whole[7:9], True)
    response = api.get("/v1/reports/disputes", ending_before="2025-03-EUR")
    assert api.error(response, 400, "resource_missing")["param"] == "ending_before"


def test_other_merchants_and_environments_are_not_told(
    api: Api, live_api: Api, other_api: Api
) -> None:
    Story(api).disputed(Story(api).paid(1000), 1000)
    for caller, count in ((api, 1), (live_api, 2), (other_api, 3)):
        summary(caller.scope, today(), successful_count=count)

    assert disputes(live_api) == {(MONTH, "USD"): (2, 0, 0, 0.0, 0.0, 0, 0, 0, 0)}
    assert disputes(other_api) == {(MONTH, "USD"): (3, 0, 0, 0.0, 0.0, 0, 0, 0, 0)}


def test_a_file_has_rates_in_full(api: Api) -> None:
    summary(api.scope, "2026-03-01", "KWD", successful_count=3, dispute_count=1)
    (row,) = rows(api, "disputes")

    assert file_of(api, "disputes").text == (
        "id,environment,created_at,currency,month,successful_count,dispute_count,fraud_count,"
        "dispute_rate,fraud_rate,disputed_amount,disputed_amount_decimal,won_amount,"
        "won_amount_decimal,lost_amount,lost_amount_decimal,open_amount,open_amount_decimal,"
        "computed_at\n"
        "2026-03-KWD,test,2026-03-01T00:00:00.000000Z,KWD,2026-03,3,1,0,0.333333,0.000000,0,0.000,"
        f"0,0.000,0,0.000,0,0.000,{row['computed_at']}\n"
    )
