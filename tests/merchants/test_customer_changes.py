"""Changing and deleting customers over HTTP: one change at a time, and gone when deleted."""

import pytest

from payments_project.events.models import Event
from tests.api_client import VISA, Api
from tests.merchants.customer_calls import (
    ADA,
    PATH,
    PERSONAL,
    changed,
    deleted,
    event_types,
    listed,
    made,
    read,
    rows_about,
)
from tests.threads import at_once

# Change


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("external_customer_id", "till-9"),
        ("email", "ada@newmarket.test"),
        ("phone", "+1 (202) 555-0143"),
        ("name", "Ada King"),
        ("address", {"city": "Ockham", "country": "GB"}),
        ("birth_date", "1916-01-01"),
    ],
)
def test_change_sets_one_field_and_null_clears_it(api: Api, name: str, value: object) -> None:
    customer = made(api, **ADA)

    assert changed(api, customer, **{name: value}) == {**customer, name: value}
    assert changed(api, customer, **{name: None}) == {**customer, name: None}
    assert changed(api, customer) == {**customer, name: None}


def test_several_fields_change_at_once(api: Api) -> None:
    customer = made(api, **ADA)

    after = changed(api, customer, name="Ada King", phone=None, metadata={"tier": "black"})

    expected = {"name": "Ada King", "phone": None, "metadata": {"tier": "black", "since": "1843"}}
    assert after == {**customer, **expected}


def test_metadata_is_merged(api: Api) -> None:
    customer = made(api, metadata={"a": "1", "b": "2", "empty": ""})

    assert changed(api, customer, metadata={"c": "3", "a": "9"})["metadata"] == {
        "a": "9",
        "b": "2",
        "c": "3",
        "empty": "",
    }
    assert changed(api, customer, metadata={"b": "", "empty": "", "unknown": ""})["metadata"] == {
        "a": "9",
        "c": "3",
    }
    assert changed(api, customer, metadata={})["metadata"] == {"a": "9", "c": "3"}
    assert changed(api, customer, metadata=None)["metadata"] == {}


def test_metadata_holds_fifty_pairs_after_the_merge_too(api: Api) -> None:
    fifty = {str(number): "x" for number in range(50)}
    customer = made(api, metadata=fifty)

    refused = api.patch(f"{PATH}/{customer['id']}", {"metadata": {"one more": "x"}})

    assert api.error(refused, 400, "parameter_invalid")["param"] == "metadata"
    assert read(api, customer)["metadata"] == fifty
    after = changed(api, customer, metadata={"0": "", "one more": "x"})
    assert after["metadata"] == {**{k: v for k, v in fifty.items() if k != "0"}, "one more": "x"}


def test_eight_changes_at_once_are_all_kept(api: Api) -> None:
    customer = made(api, **ADA)

    responses = at_once(
        8, lambda n: api.patch(f"{PATH}/{customer['id']}", {"metadata": {f"key {n}": str(n)}})
    )

    assert [response.status_code for response in responses] == [200] * 8
    kept = {**ADA["metadata"], **{f"key {n}": str(n) for n in range(8)}}
    assert read(api, customer) == {**customer, "metadata": kept}
    assert event_types(customer) == ["customer.created"] + ["customer.updated"] * 8


# Delete


def test_deleted_customer_keeps_nothing_personal(api: Api) -> None:
    customer = made(api, **ADA)
    erased = {
        **customer,
        **dict.fromkeys(["email", "phone", "name", "address", "birth_date"]),
        "metadata": {},
        "is_active": False,
    }

    assert deleted(api, customer) == erased
    assert read(api, customer) == erased
    assert deleted(api, customer) == erased
    assert event_types(customer) == ["customer.created", "customer.deleted"]
    for row in rows_about(customer):
        assert [word for word in [*PERSONAL, "gold"] if word in row] == []


def test_deleted_customer_is_not_changed(api: Api) -> None:
    customer = made(api, **ADA)
    erased = deleted(api, customer)

    api.error(api.patch(f"{PATH}/{customer['id']}", {"name": "Ada"}), 404, "resource_missing")

    assert read(api, customer) == erased


def test_deleted_customer_is_listed_and_not_found_by_email(api: Api) -> None:
    customer = made(api, **ADA)
    deleted(api, customer)

    assert listed(api) == [customer["id"]]
    assert listed(api, email=ADA["email"]) == []
    assert listed(api, external_customer_id=ADA["external_customer_id"]) == [customer["id"]]
    # It still names the customer whose totals stay, so it is not another's.
    again = api.post(PATH, {"external_customer_id": ADA["external_customer_id"]})
    assert api.error(again, 400, "parameter_invalid")["param"] == "external_customer_id"


def test_deleted_customers_payments_stay_and_its_cards_pay_no_more(api: Api) -> None:
    customer = made(api, **ADA)
    card = {"number": VISA, "exp_month": 12, "exp_year": 2034, "holder_name": "Ada Lovelace"}
    asked = {"type": "card", "card": card, "customer": customer["id"]}
    token = api.post("/v1/payment_methods", asked).json()["id"]
    body = {"amount": 1000, "currency": "USD", "payment_method": token}
    paid = api.post("/v1/transactions", body).json()
    assert (paid["status"], paid["customer"]) == ("succeeded", customer["id"])

    deleted(api, customer)

    assert api.transaction(paid["id"]) == paid
    found = api.get("/v1/transactions", customer=customer["id"]).json()["data"]
    assert [transaction["id"] for transaction in found] == [paid["id"]]
    assert api.get("/v1/payment_methods", customer=customer["id"]).json()["data"] == []
    erased = api.get(f"/v1/payment_methods/{token}").json()
    assert (erased["is_active"], erased["customer"]) == (False, None)
    assert (erased["card"]["holder_name"], erased["card"]["last_four"]) == (None, "4242")
    for payer in ({}, {"customer": customer["id"]}):
        error = api.error(api.post("/v1/transactions", body | payer), 400, "parameter_invalid")
        assert error["param"] == "payment_method"
    refund = api.post("/v1/refunds", {"transaction": paid["id"]})
    assert (refund.status_code, refund.json()["status"]) == (201, "succeeded")


def test_deleted_customer_gets_no_new_card_and_no_payment_by_name(api: Api) -> None:
    customer = made(api, **ADA)
    deleted(api, customer)
    card = {"number": VISA, "exp_month": 12, "exp_year": 2034}
    token = api.card()
    payment = {"amount": 1000, "currency": "USD", "payment_method": token}
    record = {
        "amount": 1000,
        "currency": "USD",
        "payment_method_type": "cash",
        "external_reference": "receipt 1",
    }

    for path, body in (
        ("payment_methods", {"type": "card", "card": card}),
        (f"payment_methods/{token}/attach", {}),
        ("transactions", payment),
        ("transactions/record", record),
    ):
        response = api.post(f"/v1/{path}", {**body, "customer": customer["id"]})
        assert api.error(response, 400, "resource_missing")["param"] == "customer"

    assert api.get("/v1/transactions").json()["data"] == []


# Events


def test_each_change_writes_one_event_with_its_cause(api: Api) -> None:
    customer = made(api, **ADA)
    changing = api.patch(f"{PATH}/{customer['id']}", {"name": "Ada King"})
    changed(api, customer, name="Ada King", metadata={"tier": "gold"})
    changed(api, customer)
    deleted(api, customer)

    assert event_types(customer) == ["customer.created", "customer.updated", "customer.deleted"]
    _, updated, last = Event.objects.filter(aggregateid=customer["id"]).order_by("sequence")
    assert (updated.actor_kind, updated.request_id) == ("api_key", changing.headers["Request-Id"])
    assert (updated.merchant_id, updated.environment) == (api.scope.merchant_id, "test")
    assert last.payload["object"] == {
        "id": customer["id"],
        "object": "customer",
        "environment": "test",
        "external_customer_id": "till-7781",
        "risk": {"score": 0.0, "level": "low"},
        "is_active": False,
    }
