"""Pages by cursor: newest first, complete, nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from payments_project.api.bodies import Timestamp
from tests.api_client import Api


def ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["data"]]


def page(api: Api, **query: Any) -> dict[str, Any]:
    response = api.get("/v1/customers", **query)
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    assert (content["object"], content["url"]) == ("list", "/v1/customers")
    return content


def customers(api: Api, count: int) -> list[str]:
    """Ids of new customers, the newest first."""
    made = [api.post("/v1/customers", {}).json()["id"] for _ in range(count)]
    return made[::-1]


def test_ten_are_a_page_unless_told_otherwise(api: Api) -> None:
    made = customers(api, 12)
    first = page(api)
    assert (ids(first), first["has_more"]) == (made[:10], True)
    assert ids(page(api, limit=100)) == made
    assert page(api, limit=12)["has_more"] is False
    assert page(api, limit=11)["has_more"] is True


def test_empty_list_is_a_list(api: Api) -> None:
    empty = page(api)
    assert (empty["data"], empty["has_more"]) == ([], False)


def test_pages_forwards_and_backwards_are_the_same_list(api: Api) -> None:
    made = customers(api, 7)
    forwards, cursor = [], {}
    while True:
        found = page(api, limit=3, **cursor)
        forwards += ids(found)
        if not found["has_more"]:
            break
        cursor = {"starting_after": forwards[-1]}
    assert forwards == made

    backwards, before = [made[-1]], made[-1]
    while True:
        found = page(api, limit=3, ending_before=before)
        backwards = ids(found) + backwards
        if not found["has_more"]:
            break
        before = backwards[0]
    assert backwards == made


def test_pages_neither_skip_nor_repeat_while_objects_are_made(api: Api) -> None:
    made = customers(api, 6)
    first = page(api, limit=3)
    customers(api, 2)
    second = page(api, limit=3, starting_after=ids(first)[-1])
    assert ids(first) + ids(second) == made


def test_both_cursors_at_once_are_refused(api: Api) -> None:
    one = customers(api, 1)[0]
    response = api.get("/v1/customers", starting_after=one, ending_before=one)
    api.error(response, 400, "parameter_invalid")


def test_cursor_of_another_merchant_or_environment_does_not_exist(
    api: Api, other_api: Api, live_api: Api
) -> None:
    for stranger in (other_api, live_api):
        cursor = customers(stranger, 1)[0]
        for name in ("starting_after", "ending_before"):
            response = api.get("/v1/customers", **{name: cursor})
            assert api.error(response, 400, "resource_missing")["param"] == name


def test_lists_hold_nobody_elses_objects(api: Api, other_api: Api, live_api: Api) -> None:
    customers(other_api, 1)
    customers(live_api, 1)
    mine = customers(api, 1)
    assert ids(page(api)) == mine


def test_cursor_need_not_match_the_filter(api: Api) -> None:
    made = [api.paid(amount=amount)["id"] for amount in (100, 900, 200)]
    response = api.get("/v1/transactions", **{"amount[lt]": 500, "starting_after": made[1]})
    assert ids(response.json()) == [made[0]]


@pytest.mark.parametrize(
    ("bound", "kept"),
    [("gte", [3, 2, 1]), ("gt", [3, 2]), ("lte", [1, 0]), ("lt", [0])],
)
def test_ranges_of_time_include_or_exclude_their_bound(
    api: Api, bound: str, kept: list[int]
) -> None:
    made = [api.paid(amount=100 + number) for number in range(4)]
    query = {f"created_at[{bound}]": made[1]["created_at"]}
    found = api.get("/v1/transactions", **query).json()
    assert ids(found) == [made[number]["id"] for number in kept]


@pytest.mark.parametrize(
    "path",
    ["transactions", "balance/entries", "refunds", "customers", "webhook_endpoints", "events"],
)
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
@pytest.mark.parametrize("bound", ["gte", "gt", "lte", "lt"])
def test_ranges_from_the_first_to_the_last_moment_are_answered(
    api: Api, path: str, moment: str, bound: str
) -> None:
    api.post("/v1/refunds", {"transaction": api.paid(amount=500)["id"], "amount": 100})
    api.post("/v1/customers", {})
    api.post("/v1/webhook_endpoints", {"url": "https://shop.example/"})
    everything = ids(api.get(f"/v1/{path}").json())
    found = api.get(f"/v1/{path}", **{f"created_at[{bound}]": moment}).json()
    includes = moment.startswith("0") is bound.startswith("g")
    assert ids(found) == (everything if includes else [])
    assert everything


def test_entries_of_a_range_of_time_are_those_of_its_payments(api: Api) -> None:
    made = [api.paid(amount=100 + number) for number in range(3)]
    between = {"created_at[gte]": made[1]["created_at"], "created_at[lt]": made[2]["created_at"]}
    found = api.get("/v1/balance/entries", **between).json()
    assert {entry["source"] for entry in found["data"]} == {made[1]["id"]}


def test_pages_of_a_range_of_time_go_both_ways(api: Api) -> None:
    made = [api.paid(amount=100 + number) for number in range(5)]
    between = {"created_at[gt]": made[0]["created_at"], "created_at[lte]": made[4]["created_at"]}
    first = api.get("/v1/transactions", limit=2, **between).json()
    second = api.get("/v1/transactions", limit=2, starting_after=ids(first)[-1], **between).json()
    back = api.get("/v1/transactions", limit=2, ending_before=ids(second)[0], **between).json()
    assert ids(first) + ids(second) == [made[number]["id"] for number in (4, 3, 2, 1)]
    assert (first["has_more"], second["has_more"], ids(back)) == (True, False, ids(first))


def test_range_of_time_without_anything_is_empty(api: Api) -> None:
    api.paid()
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert api.get("/v1/transactions", **{"created_at[gt]": soon}).json()["data"] == []


def test_filters_and_pages_go_together(api: Api) -> None:
    paid = [api.paid(amount=300)["id"] for _ in range(3)]
    api.pay("4000000000000002", amount=300)
    first = api.get("/v1/transactions", status="succeeded", limit=2).json()
    assert (ids(first), first["has_more"]) == (paid[:0:-1], True)
    last = api.get(
        "/v1/transactions", status="succeeded", limit=2, starting_after=ids(first)[-1]
    ).json()
    assert (ids(last), last["has_more"]) == (paid[:1], False)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-W48-3T10:00:00Z",
        "20250101T000000+0000",
        "2026-11-25X10:00:00Z",
        "2026-11-25T10:00:00,5Z",
        "2026-11-25T10:00+00:00",
        "2026-11-25T10:00:00+0000",
        "2026-11-25T10:00:00",
        "2026-11-25",
        "2026-13-25T10:00:00Z",
        "2026-11-25T10:00:61Z",
    ],
)
def test_only_rfc_3339_is_a_time(api: Api, moment: str) -> None:
    response = api.get("/v1/customers", **{"created_at[gte]": moment})
    assert api.error(response, 400, "parameter_invalid")["param"] == "created_at[gte]"


@pytest.mark.parametrize(
    "moment",
    ["2016-12-31t23:59:60z", "2016-12-31T23:59:60.5Z", "2016-12-31 18:59:60.123456789-05:00"],
)
def test_a_leap_second_is_the_next_ones_beginning(moment: str) -> None:
    read = TypeAdapter(Timestamp).validate_python(moment)
    assert read == datetime(2017, 1, 1, tzinfo=UTC)
