"""Daily summaries: the table's columns, in pages, of the caller alone."""

from typing import Any

from tests.analytics.reports.reading import file_of, lines, report, rows, summary
from tests.api_client import Api

BUSY = {
    "transaction_count": 9,
    "successful_count": 6,
    "failed_count": 2,
    "refunded_count": 1,
    "gross_amount": 123_456,
    "fee_amount": 3_760,
    "net_amount": 119_696,
    "refunded_amount": 5_000,
    "high_risk_count": 2,
    "fraud_count": 1,
    "dispute_count": 1,
}


def places(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["summary_date"], row["currency"]) for row in found]


def walked(api: Api, **query: Any) -> list[dict[str, Any]]:
    """All pages, forwards."""
    seen: list[dict[str, Any]] = []
    while True:
        page = report(api, "daily_summaries", limit=2, **query)
        seen += page["data"]
        if not page["has_more"]:
            return seen
        query["starting_after"] = seen[-1]["id"]


def test_a_summary_has_the_tables_columns(api: Api) -> None:
    identity = summary(api.scope, "2026-03-31", **BUSY)

    (found,) = rows(api, "daily_summaries")

    computed_at, created_at = found.pop("computed_at"), found.pop("created_at")
    assert computed_at.endswith("Z")
    assert created_at.endswith("Z")
    assert found == BUSY | {
        "id": identity,
        "object": "daily_summary",
        "environment": "test",
        "summary_date": "2026-03-31",
        "currency": "USD",
        "success_rate": 0.6667,
    }


def test_counts_that_the_source_leaves_empty_are_zero(api: Api) -> None:
    summary(api.scope, "2026-03-31", high_risk_count=None, fraud_count=None, dispute_count=None)

    (found,) = rows(api, "daily_summaries")

    names = ("high_risk_count", "fraud_count", "dispute_count", "success_rate")
    assert [found[name] for name in names] == [0, 0, 0, 0.0]


def test_newest_days_come_first_and_currencies_in_order(api: Api) -> None:
    for day, currency in (("2026-03-01", "USD"), ("2026-03-02", "USD"), ("2026-03-02", "EUR")):
        summary(api.scope, day, currency)

    assert places(rows(api, "daily_summaries")) == [
        ("2026-03-02", "EUR"), ("2026-03-02", "USD"), ("2026-03-01", "USD"),
    ]  # fmt: skip


def test_both_ends_of_a_range_are_included(api: Api) -> None:
    for day in range(1, 6):
        summary(api.scope, f"2026-03-0{day}")
    summary(api.scope, "2026-03-03", "EUR")

    found = rows(api, "daily_summaries", from_="2026-03-02", to="2026-03-04", currency="usd")

    assert [day for day, _ in places(found)] == ["2026-03-04", "2026-03-03", "2026-03-02"]
    assert [day for day, _ in places(rows(api, "daily_summaries", to="2026-03-01"))] == [
        "2026-03-01"
    ]
    assert rows(api, "daily_summaries", from_="2026-03-06") == []


def test_pages_forwards_and_backwards_are_the_same_list(api: Api) -> None:
    for day in ("2026-03-01", "2026-03-02", "2026-03-03"):
        for currency in ("EUR", "JPY", "USD"):
            summary(api.scope, day, currency)
    whole = rows(api, "daily_summaries")
    assert len(whole) == 9

    assert walked(api) == whole
    assert walked(api, currency="JPY") == [row for row in whole if row["currency"] == "JPY"]
    before = report(api, "daily_summaries", limit=4, ending_before=whole[6]["id"])
    assert (before["data"], before["has_more"]) == (whole[2:6], True)
    before = report(api, "daily_summaries", limit=4, ending_before=whole[4]["id"])
    assert (before["data"], before["has_more"]) == (whole[:4], False)


def test_ten_are_a_page_unless_told_otherwise(api: Api) -> None:
    for day in range(10, 22):
        summary(api.scope, f"2026-03-{day}")

    first = report(api, "daily_summaries")

    assert (len(first["data"]), first["has_more"]) == (10, True)


def test_other_merchants_and_environments_are_not_told(
    api: Api, live_api: Api, other_api: Api
) -> None:
    mine = summary(api.scope, "2026-03-01")
    live = summary(live_api.scope, "2026-03-01")
    theirs = summary(other_api.scope, "2026-03-01")

    for caller, own in ((api, mine), (live_api, live), (other_api, theirs)):
        assert [row["id"] for row in rows(caller, "daily_summaries")] == [own]
        assert [line["id"] for line in lines(caller, "daily_summaries")] == [own]
        for foreign in {mine, live, theirs} - {own}:
            for name in ("starting_after", "ending_before"):
                response = caller.get("/v1/reports/daily_summaries", **{name: foreign})
                assert caller.error(response, 400, "resource_missing")["param"] == name


def test_a_file_has_amounts_in_both_units(api: Api) -> None:
    identity = summary(api.scope, "2026-03-31", **BUSY)
    summary(api.scope, "2026-03-31", "JPY", gross_amount=500, transaction_count=1)
    summary(api.scope, "2026-03-31", "KWD", gross_amount=1_234_567, refunded_amount=5)
    (created, computed), *_ = [
        (row["created_at"], row["computed_at"])
        for row in rows(api, "daily_summaries", currency="USD")
    ]

    text = file_of(api, "daily_summaries", currency="USD").text

    assert text == (
        "id,environment,created_at,currency,summary_date,transaction_count,successful_count,"
        "failed_count,refunded_count,gross_amount,gross_amount_decimal,fee_amount,"
        "fee_amount_decimal,net_amount,net_amount_decimal,refunded_amount,refunded_amount_decimal,"
        "success_rate,high_risk_count,fraud_count,dispute_count,computed_at\n"
        f"{identity},test,{created},USD,2026-03-31,9,6,2,1,123456,1234.56,3760,37.60,"
        f"119696,1196.96,5000,50.00,0.6667,2,1,1,{computed}\n"
    )
    amounts = [
        (line["currency"], line["gross_amount_decimal"], line["refunded_amount_decimal"])
        for line in lines(api, "daily_summaries")
    ]
    assert amounts == [
        ("JPY", "500", "0"),
        ("KWD", "1234.567", "0.005"),
        ("USD", "1234.56", "50.00"),
    ]


def test_a_file_of_nothing_has_its_heading(api: Api) -> None:
    text = file_of(api, "daily_summaries").text
    assert text.startswith("id,environment,")
    assert text.count("\n") == 1
