"""Payments taken elsewhere, recorded with their refund: all or nothing."""

import pytest

from disputes.services.audit_books import audit_books
from merchants.models import Merchant
from tests.api_client import Api, new_key
from tests.merchants.making import client_of, make_merchant
from tests.payouts.making import make_account
from tests.server import Server
from tests.threads import at_once

CASH = {
    "amount": 5000,
    "currency": "EUR",
    "payment_method_type": "cash",
    "external_reference": "till-4-0815",
    "fee_amount": 25,
}


def entries(api: Api, source: str) -> list[tuple[str, str, int]]:
    found = api.get("/v1/balance/entries", source=source).json()["data"]
    return sorted((entry["type"], entry["bucket"], entry["amount"]) for entry in found)


def test_recorded_payment_has_succeeded_and_costs_its_fee(api: Api) -> None:
    response = api.post("/v1/transactions/record", CASH)

    assert response.status_code == 201
    transaction = response.json()
    assert transaction["status"] == "succeeded"
    assert transaction["amount"] == transaction["captured_amount"] == 5000
    assert transaction["fee_amount"] == 25
    assert transaction["net_amount"] == 4975
    assert transaction["payment_method"] is None
    assert transaction["payment_method_type"] == "cash"
    assert transaction["gateway"] == {"name": "external", "transaction_id": "till-4-0815"}
    # The merchant has the money: none of it came to us.
    assert api.balance("EUR") == {"pending": 0, "available": -25, "reserved": 0}
    assert entries(api, transaction["id"]) == [
        ("adjustment", "available", -5000),
        ("fee", "available", -25),
        ("payment", "available", 5000),
    ]


def test_recorded_payment_is_available_where_its_money_comes_to_us(server: Server) -> None:
    merchant = make_merchant(processing_config={"credits_recorded_payments": True})
    with client_of(server, merchant, "test") as api:
        made = api.post("/v1/transactions/record", CASH | {"refund": {"amount": 1000}}).json()

        assert api.balance("EUR") == {"pending": 0, "available": 3975, "reserved": 0}
        later = api.post("/v1/refunds", {"transaction": made["id"], "amount": 500}).json()
        assert later["status"] == "succeeded"
        assert api.balance("EUR") == {"pending": 0, "available": 3475, "reserved": 0}
        # Booked so, whatever the terms say later.
        Merchant.objects.filter(pk=merchant.id).update(processing_config={})
        api.post("/v1/refunds", {"transaction": made["id"], "amount": 500})
        assert api.balance("EUR")["available"] == 2975
        assert audit_books() == []


def test_what_was_recorded_is_not_paid_out(api: Api) -> None:
    make_account(api.scope, "EUR")
    api.post("/v1/transactions/record", {**CASH, "fee_amount": 0})

    response = api.post("/v1/payouts", {"amount": 1, "currency": "EUR"})

    api.error(response, 409, "balance_insufficient")


def test_reference_is_recorded_once(api: Api, live_api: Api, other_api: Api) -> None:
    first = api.post("/v1/transactions/record", CASH)

    second = api.post("/v1/transactions/record", {**CASH, "amount": 99}, key=new_key())

    assert first.status_code == 201
    assert api.error(second, 409, "external_reference_used")["param"] == "external_reference"
    assert [row["id"] for row in api.get("/v1/transactions").json()["data"]] == [first.json()["id"]]
    assert api.balance("EUR")["available"] == -25
    for elsewhere in (live_api, other_api):
        assert elsewhere.post("/v1/transactions/record", CASH).status_code == 201


def test_reference_is_recorded_once_by_many_at_once(api: Api) -> None:
    for round_ in range(6):
        body = {**CASH, "external_reference": f"till-{round_}"}

        responses = at_once(6, lambda _, body=body: api.post("/v1/transactions/record", body))

        assert sorted(r.status_code for r in responses) == [201] + [409] * 5
        codes = {r.json()["error"]["code"] for r in responses if r.status_code == 409}
        assert codes == {"external_reference_used"}
    assert api.balance("EUR")["available"] == -6 * 25


def test_refund_is_recorded_with_it(api: Api) -> None:
    transaction = api.post(
        "/v1/transactions/record", {**CASH, "refund": {"amount": 2000, "reason": "damaged"}}
    ).json()

    assert transaction["status"] == "succeeded"
    assert transaction["refunded_amount"] == 2000
    refunds = api.get("/v1/refunds", transaction=transaction["id"]).json()["data"]
    assert [(r["amount"], r["status"], r["reason"]) for r in refunds] == [
        (2000, "succeeded", "damaged")
    ]
    assert api.balance("EUR")["available"] == -25
    assert entries(api, refunds[0]["id"]) == [
        ("adjustment", "available", 2000),
        ("refund", "available", -2000),
    ]


def test_refund_in_full_makes_it_refunded(api: Api) -> None:
    transaction = api.post("/v1/transactions/record", {**CASH, "refund": {"amount": 5000}}).json()

    assert transaction["status"] == "refunded"
    assert transaction["refunded_amount"] == 5000


def test_payment_of_an_earlier_year_is_the_last_of_the_list_at_once(api: Api) -> None:
    """Lists look into no month before the merchant's first; this makes an earlier one the first."""
    newest = api.paid()["id"]
    assert [row["id"] for row in api.get("/v1/transactions").json()["data"]] == [newest]

    oldest, middle = (
        api.post(
            "/v1/transactions/record",
            {
                **CASH,
                "external_reference": f"till-{year}",
                "occurred_at": f"{year}-02-03T04:05:06Z",
            },
        ).json()["id"]
        for year in (2021, 2024)
    )

    page = api.get("/v1/transactions", limit=2).json()
    assert [row["id"] for row in page["data"]] == [newest, middle]
    rest = api.get("/v1/transactions", starting_after=middle).json()
    assert ([row["id"] for row in rest["data"]], rest["has_more"]) == ([oldest], False)
    back = api.get("/v1/transactions", ending_before=newest).json()
    assert back["data"] == []
    assert api.get("/v1/transactions", ending_before=oldest).json()["data"][-1]["id"] == middle


def test_refund_above_the_amount_records_nothing(api: Api) -> None:
    response = api.post("/v1/transactions/record", {**CASH, "refund": {"amount": 5001}})

    assert api.error(response, 409, "amount_exceeds_refundable")["param"] == "refund.amount"
    assert api.get("/v1/transactions").json()["data"] == []
    assert api.balance("EUR") == {"pending": 0, "available": 0, "reserved": 0}


def test_old_payment_keeps_its_time_and_its_place(api: Api) -> None:
    new = api.post("/v1/transactions/record", CASH).json()
    old = api.post(
        "/v1/transactions/record",
        {**CASH, "external_reference": "till-1", "occurred_at": "2023-02-03T04:05:06Z"},
    ).json()

    assert old["created_at"].startswith("2023-02-03T04:05:06")
    listed = api.get("/v1/transactions").json()["data"]
    assert [item["id"] for item in listed] == [new["id"], old["id"]]
    in_range = api.get(
        "/v1/transactions",
        **{"created_at[gte]": "2023-02-01T00:00:00Z", "created_at[lt]": "2023-03-01T00:00:00Z"},
    ).json()["data"]
    assert [item["id"] for item in in_range] == [old["id"]]


def test_future_payment_is_refused(api: Api) -> None:
    response = api.post("/v1/transactions/record", {**CASH, "occurred_at": "2999-01-01T00:00:00Z"})

    assert api.error(response, 400, "parameter_invalid")["param"] == "occurred_at"


def test_recorded_once_under_its_key(api: Api) -> None:
    key = new_key()

    first = api.post("/v1/transactions/record", CASH, key=key)
    second = api.post("/v1/transactions/record", CASH, key=key)

    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert api.balance("EUR")["available"] == -25


def test_recorded_payment_can_be_refunded_later(api: Api) -> None:
    transaction = api.post("/v1/transactions/record", CASH).json()

    refund = api.post("/v1/refunds", {"transaction": transaction["id"], "amount": 1000}).json()

    assert refund["status"] == "succeeded"
    assert api.balance("EUR")["available"] == -25
    assert entries(api, refund["id"]) == [
        ("adjustment", "available", 1000),
        ("refund", "available", -1000),
    ]


@pytest.mark.parametrize("kind", ["Cash", "", "4cash", "a4242424242424242", "a_4_2_4_2_4", "ca sh"])
def test_type_that_is_no_word_is_refused(api: Api, kind: str) -> None:
    response = api.post("/v1/transactions/record", {**CASH, "payment_method_type": kind})

    assert api.error(response, 400, "parameter_invalid")["param"] == "payment_method_type"
    assert api.get("/v1/transactions").json()["data"] == []


@pytest.mark.parametrize("kind", ["bank_transfer", "p24", "card_present"])
def test_any_other_word_is_a_type(api: Api, kind: str) -> None:
    recorded = api.post("/v1/transactions/record", {**CASH, "payment_method_type": kind}).json()

    assert recorded["payment_method_type"] == kind


def test_every_state_of_a_recorded_payment_is_told(api: Api) -> None:
    recorded = api.post("/v1/transactions/record", {**CASH, "refund": {"amount": 5000}}).json()
    steps = api.get(f"/v1/transactions/{recorded['id']}/timeline").json()["data"]

    assert [(step["type"], step["status"]) for step in steps] == [
        ("transaction.created", "succeeded"),
        ("transaction.succeeded", "succeeded"),
        ("transaction.refunded", "refunded"),
    ]
