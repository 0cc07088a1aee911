"""What reports refuse, and what they are like whatever they report."""

from typing import Any

import pytest

from tests.analytics.reports.reading import days_ago, summary, today
from tests.api_client import Api
from tests.merchants.making import MadeMerchant, client_of, make_key
from tests.payouts.making import give
from tests.server import Server

BY_DAY = ("daily_summaries", "settlements", "fees")
BY_MONTH = ("monthly_stats", "disputes")
LISTS = (*BY_DAY, *BY_MONTH)
ALL = (*LISTS, "balance")
# Made from the ledger while their caller waits.
BOUNDED = ("balance", "settlements", "fees")


def refused(api: Api, name: str, query: dict[str, Any], code: str, param: str) -> str:
    """The message of a refusal that names its parameter."""
    error = api.error(api.get(f"/v1/reports/{name}", **query), 400, code)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    message: str = error["message"]
    return message


@pytest.mark.parametrize("name", ["balance", *BY_DAY])
@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-01", "2026-1-1", "2026-02-30", "2026-13-01", "20260101", "2026-W01-1",
        "2026-01-01T00:00:00Z", " 2026-01-01", "0000-01-01", "２０２６-01-01", "today",
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(api: Api, name: str, text: str) -> None:
    for param in ("from", "to"):
        for form in ("json", "csv"):
            query = {param: text, "format": form}
            message = refused(api, name, query, "parameter_invalid", param)
            assert message == f"{param}: Not a day such as 2026-01-31."


@pytest.mark.parametrize("name", BY_MONTH)
@pytest.mark.parametrize("text", ["", "2026", "2026-1", "2026-13", "2026-00", "2026-01-01", "x"])
def test_what_is_no_month_is_refused(api: Api, name: str, text: str) -> None:
    for param in ("from", "to"):
        message = refused(api, name, {param: text}, "parameter_invalid", param)
        assert message == f"{param}: Not a month such as 2026-01."


@pytest.mark.parametrize("name", ALL)
def test_a_range_that_ends_before_it_begins_is_refused(api: Api, name: str) -> None:
    ends = ("2026-02", "2026-01") if name in BY_MONTH else ("2026-01-02", "2026-01-01")
    for form in ("json", "csv"):
        query = {"from": ends[0], "to": ends[1], "format": form}
        message = refused(api, name, query, "parameter_invalid", "from")
        assert message == "from: Must not be after `to`."


@pytest.mark.parametrize("name", BOUNDED)
def test_more_than_a_leap_year_is_refused(api: Api, name: str) -> None:
    whole = {"from": "2024-01-01", "to": "2024-12-31"}
    assert api.get(f"/v1/reports/{name}", **whole).status_code == 200

    query = whole | {"to": "2025-01-01"}
    assert refused(api, name, query, "parameter_invalid", "from") == (
        "from: 367 days up to 2025-01-01 are too many; the most is 366."
    )
    refused(api, name, {"from": "2020-01-01"}, "parameter_invalid", "from")


@pytest.mark.parametrize("name", ["daily_summaries", *BOUNDED])
@pytest.mark.parametrize(
    "query",
    [
        {"from": "0001-01-01", "to": "0001-01-01"},
        {"to": "0001-01-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"from": "9999-12-31"},
        {"from": "1969-12-31", "to": "1970-01-01"},
    ],
)
def test_the_ends_of_the_calendar_hold_nothing(api: Api, name: str, query: dict[str, str]) -> None:
    response = api.get(f"/v1/reports/{name}", **query)
    assert response.status_code == 200, response.text
    assert response.json().get("data", response.json().get("balances")) == []


@pytest.mark.parametrize("name", BY_MONTH)
def test_the_ends_of_the_calendar_have_months(api: Api, name: str) -> None:
    for query in ({"from": "9999-12"}, {"to": "0001-01"}, {"from": "0001-01", "to": "9999-12"}):
        response = api.get(f"/v1/reports/{name}", **query)
        assert (response.status_code, response.json()["data"]) == (200, [])


@pytest.mark.parametrize("name", ALL)
def test_other_parameters_are_refused(api: Api, name: str) -> None:
    refused(api, name, {"colour": "red"}, "unknown_parameter", "colour")
    refused(api, name, {"currency": "ZZZ"}, "currency_not_supported", "currency")
    refused(api, name, {"from": ["2026-01-01", "2026-01-02"]}, "parameter_invalid", "from")
    refused(api, name, {"expand[]": "customer"}, "parameter_invalid", "expand[]")
    for form in ("xml", "CSV", ""):
        message = refused(api, name, {"format": form}, "parameter_invalid", "format")
        assert message == "format: Must be 'json' or 'csv'."


def test_the_balance_is_not_paged(api: Api) -> None:
    for param, value in (("limit", 5), ("starting_after", "x"), ("ending_before", "x")):
        refused(api, "balance", {param: value}, "unknown_parameter", param)


@pytest.mark.parametrize("name", LISTS)
def test_pages_are_asked_for_as_everywhere(api: Api, name: str) -> None:
    for limit in ("0", "101", "ten", "-1"):
        refused(api, name, {"limit": limit}, "parameter_invalid", "limit")
    both = {"starting_after": "x", "ending_before": "x"}
    refused(api, name, both, "parameter_invalid", "ending_before")
    refused(api, name, {"starting_after": "x"}, "resource_missing", "starting_after")


@pytest.mark.parametrize("name", LISTS)
def test_a_file_is_not_paged(api: Api, name: str) -> None:
    for param in ("limit", "starting_after", "ending_before"):
        query = {"format": "csv", param: "10"}
        assert refused(api, name, query, "parameter_invalid", param) == (
            f"{param}: A CSV file has all rows; there are no pages of it."
        )


@pytest.mark.parametrize("name", ALL)
def test_reports_need_a_permission_of_their_own(
    server: Server, merchant: MadeMerchant, name: str
) -> None:
    for permissions, status in (
        (("transactions:write", "balance:read"), 403),
        (("reports:read",), 200),
    ):
        key = make_key(merchant.scope(), *permissions)
        with client_of(server, MadeMerchant(merchant.id, {"test": key}), "test") as limited:
            for form in ("json", "csv"):
                response = limited.get(f"/v1/reports/{name}", format=form)
                assert response.status_code == status
                if status == 403:
                    error = limited.error(response, 403, "permission_denied")
                    assert error["message"] == "The key lacks the permission reports:read."


@pytest.mark.parametrize("name", ALL)
def test_reports_are_only_read(api: Api, name: str) -> None:
    response = api.post(f"/v1/reports/{name}")
    api.error(response, 405, "method_not_allowed")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_head_has_the_headers_and_no_content(api: Api, name: str, form: str) -> None:
    give(api.scope, 1000)
    summary(api.scope, today())
    path = f"/v1/reports/{name}"
    got = api.get(path, format=form)
    head = api.http.head(path, params={"format": form})

    assert (head.status_code, head.content) == (200, b"")
    assert got.content
    for header in ("Content-Type", "Content-Disposition", "Cache-Control", "RateLimit-Limit"):
        assert head.headers.get(header) == got.headers.get(header)
    refusal = api.http.head(path, params={"format": form, "from": "x"})
    assert (refusal.status_code, refusal.content) == (400, b"")


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("daily_summaries", {}, "daily_summaries_test"),
        ("daily_summaries", {"currency": "jpy"}, "daily_summaries_test_JPY"),
        ("daily_summaries", {"from": "2026-01-01"}, "daily_summaries_test_2026-01-01"),
        ("disputes", {"from": "2026-01", "to": "2026-02"}, "disputes_test_2026-01_2026-02"),
        ("fees", {}, f"fees_test_{days_ago(29)}_{days_ago(0)}"),
        ("balance", {"to": "2026-01-30"}, "balance_test_2026-01-01_2026-01-30"),
        ("settlements", {}, f"settlements_test_{days_ago(29)}_{days_ago(-90)}"),
    ],
)
def test_files_are_named_for_what_is_in_them(
    api: Api, name: str, query: dict[str, str], expected: str
) -> None:
    response = api.get(f"/v1/reports/{name}", format="csv", **query)

    disposition = response.headers["Content-Disposition"]
    assert disposition == f'attachment; filename="{expected}.csv"'
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Request-Id" in response.headers
