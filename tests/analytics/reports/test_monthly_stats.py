"""Monthly statistics: the materialized view's columns and its age."""

from datetime import UTC, datetime
from typing import Any

from analytics.models import Projection
from analytics.services.refresh_monthly_stats import refresh_monthly_stats
from payments_project.times import render_time
from tests.analytics.reports.reading import file_of, lines, report, rows
from tests.api_client import Api

MONTH = f"{datetime.now(UTC):%Y-%m}"
DECLINED = "4000000000000002"
RISKY = "4000000000004954"


def computed(moment: datetime | None) -> str | None:
    """Notes when the view was computed, as its job does; as it is told."""
    Projection.objects.filter(name=Projection.MONTHLY_STATS).delete()
    if moment is None:
        return None
    Projection.objects.create(name=Projection.MONTHLY_STATS, computed_at=moment)
    return render_time(moment)


def test_months_have_the_views_columns(api: Api) -> None:
    api.paid(amount=1000)
    api.paid(RISKY, amount=2001)
    api.pay(DECLINED, amount=500)
    api.pay(DECLINED, amount=700, currency="KWD")
    refresh_monthly_stats()
    told = computed(datetime(2026, 3, 1, 2, 0, 5, tzinfo=UTC))

    kuwait, dollars = rows(api, "monthly_stats")

    # The mean of 1000 and 2001 lies between two units: the even one is told.
    assert dollars == {
        "id": f"{MONTH}-USD",
        "object": "monthly_stats",
        "environment": "test",
        "created_at": f"{MONTH}-01T00:00:00.000000Z",
        "month": MONTH,
        "currency": "USD",
        "transaction_count": 3,
        "successful_count": 2,
        "total_amount": 3001,
        "avg_amount": 1500,
        "high_risk_count": 1,
        "computed_at": told,
    }
    assert kuwait | {"currency": "KWD", "successful_count": 0} == kuwait
    assert (kuwait["total_amount"], kuwait["avg_amount"]) == (0, None)


def test_a_half_is_rounded_to_the_even_unit(api: Api) -> None:
    for amount, currency in ((1, "EUR"), (2, "EUR"), (2, "USD"), (3, "USD")):
        api.paid(amount=amount, currency=currency)
    refresh_monthly_stats()

    assert [row["avg_amount"] for row in rows(api, "monthly_stats")] == [2, 2]


def test_a_view_that_was_never_computed_says_so(api: Api) -> None:
    api.paid()
    refresh_monthly_stats()
    computed(None)

    assert [row["computed_at"] for row in rows(api, "monthly_stats")] == [None]


def test_months_are_filtered_and_paged(api: Api) -> None:
    for currency in ("USD", "EUR", "JPY"):
        api.paid(currency=currency)
    refresh_monthly_stats()

    def currencies(**query: Any) -> list[str]:
        return [row["currency"] for row in rows(api, "monthly_stats", **query)]

    assert currencies() == ["EUR", "JPY", "USD"]
    assert currencies(from_=MONTH, to=MONTH) == ["EUR", "JPY", "USD"]
    assert currencies(to="2020-01") == currencies(from_="2999-12") == []
    assert currencies(currency="jpy") == ["JPY"]
    page = report(api, "monthly_stats", limit=1, starting_after=f"{MONTH}-EUR")
    assert (page["data"][0]["currency"], page["has_more"]) == ("JPY", True)
    page = report(api, "monthly_stats", limit=1, ending_before=f"{MONTH}-USD")
    assert (page["data"][0]["currency"], page["has_more"]) == ("JPY", True)
    for cursor in (f"{MONTH}-GBP", "2020-01-USD", f"{MONTH}-01-USD", "2020-13-USD", "x", ""):
        response = api.get("/v1/reports/monthly_stats", starting_after=cursor)
        assert api.error(response, 400, "resource_missing")["param"] == "starting_after"


def test_other_merchants_and_environments_are_not_told(
    api: Api, live_api: Api, other_api: Api
) -> None:
    for caller, amount in ((api, 100), (live_api, 200), (other_api, 300)):
        caller.paid(amount=amount)
    refresh_monthly_stats()

    for caller, amount in ((api, 100), (live_api, 200), (other_api, 300)):
        assert [row["total_amount"] for row in rows(caller, "monthly_stats")] == [amount]


def test_a_file_has_amounts_in_both_units(api: Api) -> None:
    api.paid(amount=1234, currency="KWD")
    api.pay(DECLINED, currency="JPY")
    refresh_monthly_stats()
    told = computed(datetime(2026, 3, 1, tzinfo=UTC))

    assert file_of(api, "monthly_stats").text == (
        "id,environment,created_at,currency,month,transaction_count,successful_count,"
        "total_amount,total_amount_decimal,avg_amount,avg_amount_decimal,high_risk_count,"
        "computed_at\n"
        f"{MONTH}-JPY,test,{MONTH}-01T00:00:00.000000Z,JPY,{MONTH},1,0,0,0,,,0,{told}\n"
        f"{MONTH}-KWD,test,{MONTH}-01T00:00:00.000000Z,KWD,{MONTH},1,1,1234,1.234,"
        f"1234,1.234,0,{told}\n"
    )
    assert [line["currency"] for line in lines(api, "monthly_stats", currency="KWD")] == ["KWD"]
