"""Customers over HTTP: whole, private, findable, and nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import connection

from tests.api_client import VISA, Api, new_key
from tests.merchants.customer_calls import (
    ADA,
    NOBODYS_ID,
    PATH,
    PERSONAL,
    changed,
    event_types,
    listed,
    made,
    read,
    rows_about,
)
from tests.merchants.making import make_key
from tests.server import Server
from tests.threads import at_once

# Create and read


def test_customer_is_answered_whole(api: Api) -> None:
    before = datetime.now(UTC)
    customer = made(api, **ADA)

    assert customer == {
        "id": customer["id"],
        "object": "customer",
        "environment": "test",
        "created_at": customer["created_at"],
        **ADA,
        "risk": {"score": 0.0, "level": "low"},
        "total_transactions": 0,
        "total_amounts": {},
        "first_transaction_at": None,
        "last_transaction_at": None,
        "is_active": True,
    }
    assert customer["created_at"].endswith("Z")
    moment = datetime.fromisoformat(customer["created_at"])
    assert before - timedelta(seconds=1) <= moment <= datetime.now(UTC) + timedelta(seconds=1)
    assert read(api, customer) == customer


def test_no_field_is_required(api: Api) -> None:
    customer = made(api)

    assert {name: customer[name] for name in ADA} == {**dict.fromkeys(ADA), "metadata": {}}
    assert read(api, customer) == customer


@pytest.mark.parametrize("name", ADA)
def test_each_field_may_stand_alone_or_be_null(api: Api, name: str) -> None:
    alone, null = made(api, **{name: ADA[name]}), made(api, **{name: None})

    nothing = {**dict.fromkeys(ADA), "metadata": {}}
    assert {field: alone[field] for field in ADA} == {**nothing, name: ADA[name]}
    assert {field: null[field] for field in ADA} == nothing


def test_address_may_be_in_part(api: Api) -> None:
    customer = made(api, address={"city": "Marylebone", "line2": None})

    assert read(api, customer)["address"] == {"city": "Marylebone"}


def test_text_is_kept_letter_by_letter(api: Api) -> None:
    customer = made(api, name="  Zoë O'Brien-Łuk\u202e 😀 ", email="Zoë@exämple.test")

    assert read(api, customer)["name"] == "  Zoë O'Brien-Łuk\u202e 😀 "
    assert read(api, customer)["email"] == "Zoë@exämple.test"


@pytest.mark.parametrize("identity", [NOBODYS_ID, "none", "cus_1", "0" * 36, VISA])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_customer_of_nobody_is_missing(api: Api, method: str, identity: str) -> None:
    content = b"{}" if method == "PATCH" else None
    response = api.http.request(
        method,
        f"{PATH}/{identity}",
        content=content,
        headers={"Content-Type": "application/json"} if content else {},
    )

    assert "param" not in api.error(response, 404, "resource_missing")
    assert VISA not in response.text


# Bad input

TOO_MANY_PAIRS = {str(number): "x" for number in range(51)}
BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"email": 1}, "email", "parameter_invalid"),
    ({"email": ""}, "email", "parameter_invalid"),
    ({"email": "ada"}, "email", "parameter_invalid"),
    ({"email": "@analytical.test"}, "email", "parameter_invalid"),
    ({"email": "ada@localhost"}, "email", "parameter_invalid"),
    ({"email": "ada @analytical.test"}, "email", "parameter_invalid"),
    ({"email": "ada@@analytical.test"}, "email", "parameter_invalid"),
    ({"email": "ada@analytical..test"}, "email", "parameter_invalid"),
    ({"email": ".ada@analytical.test"}, "email", "parameter_invalid"),
    ({"email": "a@analytical.test,b@analytical.test"}, "email", "parameter_invalid"),
    ({"email": "<ada@analytical.test>"}, "email", "parameter_invalid"),
    ({"email": "ada\u202e@analytical.test"}, "email", "parameter_invalid"),
    ({"email": "ada@analytical.test\n"}, "email", "parameter_invalid"),
    ({"email": f"{VISA}@analytical.test"}, "email", "parameter_invalid"),
    ({"email": "a" * 250 + "@a.test"}, "email", "parameter_invalid"),
    ({"name": ""}, "name", "parameter_invalid"),
    ({"name": "n" * 201}, "name", "parameter_invalid"),
    ({"name": ["Ada"]}, "name", "parameter_invalid"),
    ({"name": f"Ada {VISA}"}, "name", "parameter_invalid"),
    ({"phone": 442079460958}, "phone", "parameter_invalid"),
    ({"phone": "call me"}, "phone", "parameter_invalid"),
    ({"phone": "+44 20 7946 0958 ext"}, "phone", "parameter_invalid"),
    ({"phone": "()"}, "phone", "parameter_invalid"),
    ({"phone": "... ---"}, "phone", "parameter_invalid"),
    ({"phone": VISA}, "phone", "parameter_invalid"),
    ({"phone": "4242 4242 4242 4242"}, "phone", "parameter_invalid"),
    ({"phone": "+4242424242424242"}, "phone", "parameter_invalid"),
    ({"phone": "378282246310005"}, "phone", "parameter_invalid"),
    ({"birth_date": "10.12.1815"}, "birth_date", "parameter_invalid"),
    ({"birth_date": "1990-02-30"}, "birth_date", "parameter_invalid"),
    ({"birth_date": "19900228"}, "birth_date", "parameter_invalid"),
    ({"birth_date": "1899-12-31"}, "birth_date", "parameter_invalid"),
    ({"birth_date": "2999-01-01"}, "birth_date", "parameter_invalid"),
    ({"birth_date": 19900228}, "birth_date", "parameter_invalid"),
    ({"address": "London"}, "address", "parameter_invalid"),
    ({"address": {"line1": 12}}, "address.line1", "parameter_invalid"),
    ({"address": {"line1": "x" * 201}}, "address.line1", "parameter_invalid"),
    ({"address": {"line2": VISA}}, "address.line2", "parameter_invalid"),
    ({"address": {"city": "x" * 101}}, "address.city", "parameter_invalid"),
    ({"address": {"postal_code": "9" * 21}}, "address.postal_code", "parameter_invalid"),
    ({"address": {"postal_code": VISA}}, "address.postal_code", "parameter_invalid"),
    ({"address": {"country": "gb"}}, "address.country", "parameter_invalid"),
    ({"address": {"country": "GBR"}}, "address.country", "parameter_invalid"),
    ({"address": {"street": "x"}}, "address.street", "unknown_parameter"),
    ({"external_customer_id": ""}, "external_customer_id", "parameter_invalid"),
    ({"external_customer_id": 7781}, "external_customer_id", "parameter_invalid"),
    ({"external_customer_id": "x" * 101}, "external_customer_id", "parameter_invalid"),
    ({"external_customer_id": VISA}, "external_customer_id", "parameter_invalid"),
    ({"metadata": "gold"}, "metadata", "parameter_invalid"),
    ({"metadata": {"tier": 1}}, "metadata.tier", "parameter_invalid"),
    ({"metadata": {"tier": None}}, "metadata.tier", "parameter_invalid"),
    ({"metadata": {"": "x"}}, "metadata", "parameter_invalid"),
    ({"metadata": {"k" * 41: "x"}}, "metadata", "parameter_invalid"),
    ({"metadata": {"k": "x" * 501}}, "metadata", "parameter_invalid"),
    ({"metadata": {"card": VISA}}, "metadata", "parameter_invalid"),
    ({"metadata": {VISA: "card"}}, "metadata", "parameter_invalid"),
    ({"metadata": TOO_MANY_PAIRS}, "metadata", "parameter_invalid"),
    ({"nickname": "Ada"}, "nickname", "unknown_parameter"),
    ({"id": NOBODYS_ID}, "id", "unknown_parameter"),
    ({"is_active": False}, "is_active", "unknown_parameter"),
    ({"risk": {"level": "low"}}, "risk", "unknown_parameter"),
    ({"total_transactions": 9}, "total_transactions", "unknown_parameter"),
]


@pytest.mark.parametrize(("fields", "param", "code"), BAD_FIELDS)
def test_bad_field_is_refused_and_nothing_is_done(
    api: Api, fields: dict[str, Any], param: str, code: str
) -> None:
    customer = made(api, **ADA)

    for response in (api.post(PATH, fields), api.patch(f"{PATH}/{customer['id']}", fields)):
        error = api.error(response, 400, code)
        assert (error["type"], error["param"]) == ("invalid_request_error", param)
        assert VISA not in response.text

    assert listed(api) == [customer["id"]]
    assert read(api, customer) == customer
    assert event_types(customer) == ["customer.created"]


def test_every_fault_is_told_at_once(api: Api) -> None:
    error = api.error(
        api.post(PATH, {"email": "ada", "name": "", "nickname": "x"}), 400, "parameter_invalid"
    )

    assert {(fault["param"], fault["code"]) for fault in error["errors"]} == {
        ("email", "parameter_invalid"),
        ("name", "parameter_invalid"),
        ("nickname", "unknown_parameter"),
    }


@pytest.mark.parametrize(
    "phone",
    [
        "112",
        "(030) 901820",
        "+1 (202) 555-0143",
        "+491511234567",
        # Fifteen digits are the most (ITU-T E.164); these pass the check of a card number too.
        "+378282246310005",
    ],
)
def test_phone_numbers_of_any_land_are_taken(api: Api, phone: str) -> None:
    assert read(api, made(api, phone=phone))["phone"] == phone


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "n" * 200},
        {"external_customer_id": "x" * 100},
        {"email": "a" * 245 + "@mail.test"},
        {"metadata": {"k" * 40: "x" * 500, **{str(number): "x" for number in range(49)}}},
    ],
)
def test_the_longest_are_taken(api: Api, fields: dict[str, Any]) -> None:
    (name,) = fields
    assert read(api, made(api, **fields))[name] == fields[name]


# The merchant's own id


def test_own_id_is_one_customers(api: Api, live_api: Api, other_api: Api) -> None:
    first = made(api, external_customer_id="7781")
    second = made(api, external_customer_id="7782", name="Mary")

    for response in (
        api.post(PATH, {"external_customer_id": "7781"}),
        api.patch(f"{PATH}/{second['id']}", {"external_customer_id": "7781", "name": "Eve"}),
    ):
        error = api.error(response, 400, "parameter_invalid")
        assert error["param"] == "external_customer_id"

    assert listed(api) == [second["id"], first["id"]]
    assert read(api, second) == second
    assert event_types(second) == ["customer.created"]
    for elsewhere in (live_api, other_api):
        assert made(elsewhere, external_customer_id="7781")["id"] != first["id"]
    # Once given up it is free again; to set it to what it is takes nothing from anyone.
    changed(api, first, external_customer_id="7781")
    changed(api, first, external_customer_id=None)
    assert made(api, external_customer_id="7781")["id"] != first["id"]


def test_own_id_is_one_customers_when_eight_ask_at_once(api: Api) -> None:
    responses = at_once(8, lambda _: api.post(PATH, {"external_customer_id": "7781"}))

    assert sorted(response.status_code for response in responses) == [201] + [400] * 7
    (winner,) = (response.json()["id"] for response in responses if response.status_code == 201)
    for response in responses:
        if response.status_code == 400:
            error = api.error(response, 400, "parameter_invalid")
            assert error["param"] == "external_customer_id"
    assert listed(api) == [winner]


# Lists


def test_list_is_newest_first_in_pages(api: Api) -> None:
    ids = [made(api, name=f"Customer {number}")["id"] for number in range(5)][::-1]

    first = api.get(PATH, limit=2).json()
    middle = api.get(PATH, limit=2, starting_after=ids[1]).json()
    last = api.get(PATH, limit=2, starting_after=ids[3]).json()
    back = api.get(PATH, limit=2, ending_before=ids[4]).json()

    assert (first["object"], first["url"], first["has_more"]) == ("list", PATH, True)
    pages = [[row["id"] for row in page["data"]] for page in (first, middle, last, back)]
    assert pages == [ids[:2], ids[2:4], ids[4:], ids[2:4]]
    assert (middle["has_more"], last["has_more"], back["has_more"]) == (True, False, True)
    assert first["data"][0] == read(api, first["data"][0])


def test_list_is_found_by_email_and_own_id(api: Api) -> None:
    ada = made(api, email="ada@analytical.test", external_customer_id="7781")
    twin = made(api, email="ada@analytical.test", external_customer_id="7782")
    made(api, email="mary@analytical.test")

    assert listed(api, email="ada@analytical.test") == [twin["id"], ada["id"]]
    assert listed(api, external_customer_id="7781") == [ada["id"]]
    both = {"email": "ada@analytical.test", "external_customer_id": "7782"}
    assert listed(api, **both) == [twin["id"]]
    assert listed(api, email="mary@analytical.test", external_customer_id="7781") == []
    assert listed(api, email="ada@analytical.test", limit=1, starting_after=twin["id"]) == [
        ada["id"]
    ]
    # As it was written: what stands before the @ may tell letters' case apart (RFC 5321, 2.4).
    assert listed(api, email="ADA@analytical.test") == []


def test_list_is_found_by_time(api: Api) -> None:
    old, new = made(api), made(api)

    assert listed(api, **{"created_at[gte]": new["created_at"]}) == [new["id"]]
    assert listed(api, **{"created_at[gt]": old["created_at"]}) == [new["id"]]
    assert listed(api, **{"created_at[lt]": new["created_at"]}) == [old["id"]]
    assert listed(api, **{"created_at[lte]": old["created_at"]}) == [old["id"]]
    between = {"created_at[gt]": old["created_at"], "created_at[lt]": new["created_at"]}
    assert listed(api, **between) == []


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ({"limit": "0"}, "limit", "parameter_invalid"),
        ({"limit": "101"}, "limit", "parameter_invalid"),
        ({"starting_after": NOBODYS_ID}, "starting_after", "resource_missing"),
        ({"ending_before": "x"}, "ending_before", "resource_missing"),
        ({"created_at[gte]": "yesterday"}, "created_at[gte]", "parameter_invalid"),
        ({"email": "x" * 256}, "email", "parameter_invalid"),
        ({"external_customer_id": "x" * 101}, "external_customer_id", "parameter_invalid"),
        ({"name": "Ada"}, "name", "unknown_parameter"),
    ],
)
def test_bad_query_is_refused(api: Api, query: dict[str, str], param: str, code: str) -> None:
    assert api.error(api.get(PATH, **query), 400, code)["param"] == param


# Whose it is, and who may


def test_customer_of_another_merchant_or_environment_does_not_exist(
    api: Api, live_api: Api, other_api: Api
) -> None:
    customer = made(api, **ADA)
    path = f"{PATH}/{customer['id']}"

    for stranger in (live_api, other_api):
        stranger.error(stranger.get(path), 404, "resource_missing")
        stranger.error(stranger.patch(path, {"name": "Eve"}), 404, "resource_missing")
        stranger.error(stranger.delete(path), 404, "resource_missing")
        assert listed(stranger) == listed(stranger, email=ADA["email"]) == []
        assert listed(stranger, external_customer_id=ADA["external_customer_id"]) == []
        for cursor in ("starting_after", "ending_before"):
            refused = stranger.get(PATH, **{cursor: customer["id"]})
            assert stranger.error(refused, 400, "resource_missing")["param"] == cursor
        payment = stranger.pay(customer=customer["id"])
        assert stranger.error(payment, 400, "resource_missing")["param"] == "customer"
        own = made(stranger, **ADA)
        assert (own["environment"], own["id"]) == (stranger.scope.environment, listed(stranger)[0])

    assert read(api, customer) == customer
    assert listed(api) == [customer["id"]]


def test_permissions_are_asked_for(api: Api, server: Server) -> None:
    customer = made(api, **ADA)
    path = f"{PATH}/{customer['id']}"
    acts: list[tuple[str, str, dict[str, Any] | None, str]] = [
        ("GET", PATH, None, "customers:read"),
        ("GET", path, None, "customers:read"),
        ("POST", PATH, {}, "customers:write"),
        ("PATCH", path, {"name": "Ada King"}, "customers:write"),
        ("DELETE", path, None, "customers:write"),
    ]

    def refusals(*permissions: str, **options: Any) -> list[str]:
        """What the key is told it lacks, act by act; empty where it may."""
        key = make_key(api.scope, *permissions, **options)
        told = []
        for method, target, body, needed in acts:
            response = httpx.request(
                method,
                f"{server.url}{target}",
                json=body,
                headers={"Authorization": f"Bearer {key}"},
                timeout=30,
            )
            if response.status_code in (200, 201):
                told.append("")
                continue
            assert needed in api.error(response, 403, "permission_denied")["message"]
            told.append(needed)
        return told

    all_needed = [needed for *_, needed in acts]
    assert refusals("transactions:write", "payment_methods:write") == all_needed
    assert refusals("payment_methods:write", key_type="publishable") == all_needed
    assert refusals("customers:read") == ["", ""] + ["customers:write"] * 3
    assert read(api, customer) == customer
    assert refusals("customers:write") == [""] * 5
    for method, target, body, _ in acts:
        response = httpx.request(method, f"{server.url}{target}", json=body, timeout=30)
        api.error(response, 401, "api_key_invalid")


# What is kept


def test_personal_data_are_in_no_column_in_clear(api: Api) -> None:
    """But for the e-mail address: lists and staff search by it (docs/source-design)."""
    customer = made(api, **ADA)
    changed(api, customer, name="Ada Lovelace-King")

    row, *events = rows_about(customer)

    assert ADA["email"].lower() in row
    hidden = row.replace(ADA["email"].lower(), "")
    assert [word for word in PERSONAL if word in hidden] == []
    assert [word for word in PERSONAL if word.encode().hex() in hidden] == []
    assert len(events) == 2
    for event in events:
        assert [word for word in [*PERSONAL, "gold"] if word in event] == []


# Idempotency


def test_repeated_key_replays_the_customer_and_makes_one(api: Api) -> None:
    key = new_key()
    first = api.post(PATH, ADA, key=key)
    second = api.post(PATH, ADA, key=key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.json() == first.json()
    assert listed(api) == [first.json()["id"]]
    assert event_types(first.json()) == ["customer.created"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower(i::text) FROM idempotency_keys AS i WHERE key = %s", [key])
        (stored,) = cursor.fetchone()
    assert [word for word in [*PERSONAL, "gold", "till-7781"] if word in stored] == []


def test_key_of_another_customer_is_refused(api: Api) -> None:
    key = new_key()
    made_first = api.post(PATH, {"name": "Ada"}, key=key).json()["id"]

    api.error(api.post(PATH, {"name": "Mary"}, key=key), 400, "idempotency_key_reused")

    assert listed(api) == [made_first]


def test_refusal_is_not_stored_under_the_key(api: Api) -> None:
    taken, key = made(api, external_customer_id="7781"), new_key()
    body = {"external_customer_id": "7781"}
    api.error(api.post(PATH, body, key=key), 400, "parameter_invalid")
    changed(api, taken, external_customer_id=None)

    made_now = api.post(PATH, body, key=key)

    assert made_now.status_code == 201
    assert "Idempotent-Replayed" not in made_now.headers


def test_key_used_eight_times_at_once_makes_one_customer(api: Api) -> None:
    key = new_key()

    responses = at_once(8, lambda _: api.post(PATH, ADA, key=key))

    assert {response.status_code for response in responses} <= {201, 409}
    (only,) = {response.json()["id"] for response in responses if response.status_code == 201}
    assert listed(api) == [only]
