"""Payment methods over HTTP."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from merchants.services.update_customer import delete_customer
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from tests.api_client import VISA, Api, new_key
from tests.merchants.making import MadeMerchant, make_key
from tests.server import Server
from vault.models import PaymentMethod

PATH = "/v1/payment_methods"
CARD = {
    "number": VISA,
    "exp_month": 12,
    "exp_year": 2034,
    "cvc": "739",
    "holder_name": "Ada Lovelace",
}


def body(customer: object = None, **changes: Any) -> dict[str, Any]:
    """A valid body with changes to its card; None takes a field of the card away."""
    card = {name: value for name, value in {**CARD, **changes}.items() if value is not None}
    extra = {"customer": str(customer)} if customer else {}
    return {"type": "card", "card": card, **extra}


def made(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post(PATH, body(**changes))
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def with_key(server: Server, api: Api, *permissions: str, **options: Any) -> httpx.Client:
    key = make_key(api.scope, *permissions, **options)
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def publishable(server: Server, api: Api) -> Iterator[httpx.Client]:
    with with_key(server, api, "payment_methods:write", key_type="publishable") as client:
        yield client


# Create


def test_tokenising_answers_with_the_summary_and_never_the_number(api: Api):
    response = api.post(PATH, body())
    assert response.status_code == 201
    answer = response.json()
    assert answer == {
        "id": answer["id"],
        "object": "payment_method",
        "environment": "test",
        "created_at": answer["created_at"],
        "type": "card",
        "card": {
            "brand": "visa",
            "last_four": "4242",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": answer["card"]["fingerprint"],
            "holder_name": "Ada Lovelace",
        },
        "customer": None,
        "is_active": True,
        "last_used_at": None,
    }
    assert answer["id"].startswith("pm_")
    assert answer["created_at"].endswith("Z")
    assert VISA not in response.text
    assert "739" not in response.text.replace(answer["card"]["fingerprint"], "").replace(
        answer["created_at"], ""
    ).replace(answer["id"], "")


def test_the_same_card_of_the_same_customer_answers_200_with_its_token(api: Api, customer_id):
    first = api.post(PATH, body(customer_id))
    again = api.post(PATH, body(customer_id))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["customer"] == str(customer_id)


def test_no_security_code_is_kept(api: Api):
    token = made(api)["id"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT vault::text FROM payment_methods_vault AS vault WHERE token = %s"
            " UNION ALL SELECT events::text FROM events WHERE aggregateid = %s",
            [token, token],
        )
        rows = [row for (row,) in cursor.fetchall()]
    assert len(rows) == 2
    for row in rows:
        assert '"739"' not in row
        assert VISA not in row
        assert VISA.encode().hex() not in row
        assert "Ada" not in row


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"number": "4242424242424241"}, "card.number"),
        ({"number": "4242 4242 4242 4242"}, "card.number"),
        ({"number": ""}, "card.number"),
        ({"number": 4242424242424242}, "card.number"),
        ({"number": [VISA]}, "card.number"),
        ({"exp_month": 13}, "card.exp_month"),
        ({"exp_month": "12"}, "card.exp_month"),
        ({"exp_month": 10**18}, "card.exp_month"),
        ({"exp_year": 34}, "card.exp_year"),
        ({"exp_year": 2020}, "card.exp_year"),
        ({"exp_year": 2099}, "card.exp_year"),
        ({"cvc": "1234"}, "card.cvc"),
        ({"cvc": 739}, "card.cvc"),
        ({"holder_name": VISA}, "card.holder_name"),
        ({"holder_name": "x" * 201}, "card.holder_name"),
        ({"holder_name": {"first": "Ada"}}, "card.holder_name"),
    ],
)
def test_a_wrong_card_is_refused_by_field(api: Api, changes, param):
    response = api.post(PATH, body(**changes))
    error = api.error(response, 400, "parameter_invalid")
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert not PaymentMethod.objects.filter(merchant_id=api.scope.merchant_id).exists()


@pytest.mark.parametrize(
    ("content", "code", "param"),
    [
        ({}, "parameter_missing", "type"),
        ({"type": "card"}, "parameter_missing", "card"),
        ({"type": "card", "card": {**CARD, "number": None}}, "parameter_invalid", "card.number"),
        ({"type": "sepa", "card": CARD}, "parameter_invalid", "type"),
        ({"type": "card", "card": VISA}, "parameter_invalid", "card"),
        ({"type": "card", "card": CARD, "extra": 1}, "unknown_parameter", "extra"),
        ({"type": "card", "card": {**CARD, "pin": "1"}}, "unknown_parameter", "card.pin"),
        ({"type": "card", "card": CARD, "customer": "x"}, "resource_missing", "customer"),
        ({"type": "card", "card": CARD, "customer": 1}, "parameter_invalid", "customer"),
    ],
)
def test_a_wrong_body_is_refused_by_field(api: Api, content, code, param):
    assert api.error(api.post(PATH, content), 400, code)["param"] == param


CANARY = "4000056655665556"


@pytest.mark.parametrize(
    "content",
    [
        body(number=CANARY + "1"),
        body(number=CANARY + " "),
        body(holder_name=CANARY),
        body(cvc=CANARY),
        body(exp_month=CANARY),
        body(exp_year=CANARY),
        body(exp_month=int(CANARY)),
        body(exp_year=int(CANARY)),
        body(CANARY),
        {"type": CANARY, "card": CARD},
        {"type": "card", "card": CANARY},
        {"type": "card", "card": [CANARY]},
        {"type": "card", "card": {**CARD, "number": [CANARY]}},
        {"type": "card", "card": {**CARD, "number": {"value": CANARY}}},
        {"type": "card", "card": {**CARD, "number": int(CANARY)}},
        {"type": "card", "card": CARD, "customer": {"id": CANARY}},
        {"type": "card", "card": CARD, "number": CANARY},
        {"type": "card", "card": {**CARD, CANARY: 1}},
        {CANARY: 1},
    ],
)
def test_no_error_repeats_a_card_number(api: Api, server: Server, content):
    response = api.post(PATH, content)
    assert response.status_code == 400, response.text
    assert CANARY not in response.text
    assert CANARY not in server.log.read_text(errors="replace")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{PATH}/{CANARY}"),
        ("POST", f"{PATH}/{CANARY}/detach"),
        ("GET", f"{PATH}?customer={CANARY}"),
        ("GET", f"{PATH}?starting_after={CANARY}"),
        ("GET", f"{PATH}?ending_before={CANARY}"),
        ("GET", f"{PATH}?limit={CANARY}"),
        ("GET", f"{PATH}?{CANARY}=1"),
        ("GET", f"{PATH}?expand[]={CANARY}"),
    ],
)
def test_no_error_repeats_a_card_number_of_the_address(api: Api, method, path):
    response = api.http.request(method, path)
    assert response.status_code in (400, 404), response.text
    assert CANARY not in response.text


def test_a_malformed_body_with_a_card_number_is_refused_without_it(api: Api):
    response = api.http.post(
        PATH,
        content=f'{{"type":"card","card":{{"number":"{CANARY}",}}}}',
        headers={"Content-Type": "application/json"},
    )
    api.error(response, 400, "json_invalid")
    assert CANARY not in response.text


def test_a_deleted_customer_gets_no_card(api: Api, customer_id):
    run_in_transaction(
        lambda: delete_customer(scope=api.scope, customer_id=customer_id, actor=SYSTEM)
    )
    assert api.error(api.post(PATH, body(customer_id)), 400, "resource_missing")["param"] == (
        "customer"
    )
    token = made(api)["id"]
    response = api.post(f"{PATH}/{token}/attach", {"customer": str(customer_id)})
    assert api.error(response, 400, "resource_missing")["param"] == "customer"


# Idempotency


def test_a_repeated_key_replays_the_reply_and_makes_one_row(api: Api):
    key = new_key()
    first = api.post(PATH, body(), key=key)
    again = api.post(PATH, body(), key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert PaymentMethod.objects.filter(merchant_id=api.scope.merchant_id).count() == 1


def test_a_stored_reply_holds_neither_number_nor_name_in_clear(api: Api):
    key = new_key()
    api.post(PATH, body(), key=key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT stored::text FROM idempotency_keys AS stored WHERE key = %s", [key])
        (stored,) = cursor.fetchone()
    assert VISA not in stored
    assert "Ada" not in stored


def test_a_key_reused_with_another_card_is_refused(api: Api):
    key = new_key()
    api.post(PATH, body(), key=key)
    response = api.post(PATH, body(number="5555555555554444"), key=key)
    api.error(response, 400, "idempotency_key_reused")


# Read and list


def test_a_payment_method_reads_as_it_was_made(api: Api):
    answer = made(api)
    response = api.get(f"{PATH}/{answer['id']}")
    assert response.status_code == 200
    assert response.json() == answer


def test_another_merchants_or_environments_payment_method_does_not_exist(
    api: Api, other_api: Api, live_api: Api, customer_id
):
    token = made(api)["id"]
    for stranger in (other_api, live_api):
        for response in (
            stranger.get(f"{PATH}/{token}"),
            stranger.post(f"{PATH}/{token}/detach"),
        ):
            stranger.error(response, 404, "resource_missing")
        error = stranger.error(stranger.get(PATH, starting_after=token), 400, "resource_missing")
        assert error["param"] == "starting_after"
        error = stranger.error(
            stranger.get(PATH, customer=str(customer_id)), 400, "resource_missing"
        )
        assert error["param"] == "customer"
        assert stranger.get(PATH).json()["data"] == []
    assert api.get(f"{PATH}/{token}").json()["is_active"] is True


def test_anothers_customer_cannot_be_given_a_card(
    api: Api, other_api: Api, make_customer, merchant: MadeMerchant
):
    token = made(api)["id"]
    for foreign in (make_customer(other_api.scope), make_customer(merchant.scope("live"))):
        for response in (
            api.post(PATH, body(foreign)),
            api.post(f"{PATH}/{token}/attach", {"customer": str(foreign)}),
        ):
            assert api.error(response, 400, "resource_missing")["param"] == "customer"


def test_list_is_of_the_customers_active_cards_newest_first(api: Api, customer_id):
    numbers = ["4242424242424242", "5555555555554444", "378282246310005"]
    codes = ["123", "123", "1234"]
    tokens = [
        api.post(PATH, body(customer_id, number=number, cvc=code)).json()["id"]
        for number, code in zip(numbers, codes, strict=True)
    ]
    made(api)
    api.post(f"{PATH}/{tokens[1]}/detach")
    listed = api.get(PATH, customer=str(customer_id)).json()
    assert [item["id"] for item in listed["data"]] == [tokens[2], tokens[0]]
    assert (listed["object"], listed["url"], listed["has_more"]) == ("list", PATH, False)
    assert listed["data"][0]["card"]["holder_name"] == "Ada Lovelace"


def test_pages_forth_and_back_show_each_once(api: Api):
    tokens = [made(api)["id"] for _ in range(7)][::-1]
    forth: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(PATH, limit=3, **cursor).json()
        forth += [item["id"] for item in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"starting_after": forth[-1]}
    assert forth == tokens
    page = api.get(PATH, limit=3, ending_before=tokens[5]).json()
    assert [item["id"] for item in page["data"]] == tokens[2:5]
    assert page["has_more"] is True


def test_pages_tell_cards_of_one_moment_apart(api: Api):
    tokens = sorted((made(api)["id"] for _ in range(5)), reverse=True)
    PaymentMethod.objects.filter(token__in=tokens).update(created_at="2026-01-01T00:00:00Z")
    first = api.get(PATH, limit=2).json()["data"]
    second = api.get(PATH, limit=2, starting_after=first[-1]["id"]).json()["data"]
    assert [item["id"] for item in first + second] == tokens[:4]
    back = api.get(PATH, limit=2, ending_before=tokens[3]).json()["data"]
    assert [item["id"] for item in back] == tokens[1:3]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"starting_after": "pm_unknown"}, "starting_after"),
        ({"customer": "x"}, "customer"),
        ({"customer": str(uuid4())}, "customer"),
        ({"unknown": "1"}, "unknown"),
    ],
)
def test_a_wrong_list_parameter_is_refused(api: Api, query, param):
    response = api.get(PATH, **query)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_the_customer_can_be_expanded(api: Api, customer_id):
    token = api.post(PATH, body(customer_id)).json()["id"]
    answer = api.http.get(f"{PATH}/{token}?expand[]=customer").json()
    assert answer["customer"]["id"] == str(customer_id)
    assert answer["customer"]["object"] == "customer"
    listed = api.http.get(f"{PATH}?expand[]=customer").json()
    assert listed["data"][0]["customer"]["object"] == "customer"


def test_a_payments_payment_method_can_be_expanded(api: Api):
    paid = api.paid()
    answer = api.http.get(f"/v1/transactions/{paid['id']}?expand[]=payment_method").json()
    assert answer["payment_method"]["id"] == paid["payment_method"]
    assert answer["payment_method"]["card"]["last_four"] == "4242"


# Attach and detach


def test_attach_and_detach(api: Api, customer_id):
    token = made(api)["id"]
    attached = api.post(f"{PATH}/{token}/attach", {"customer": str(customer_id)})
    assert attached.status_code == 200
    assert attached.json()["customer"] == str(customer_id)
    detached = api.post(f"{PATH}/{token}/detach")
    assert detached.status_code == 200
    assert (detached.json()["is_active"], detached.json()["customer"]) == (False, None)
    assert api.get(f"{PATH}/{token}").json() == detached.json()
    response = api.post(f"{PATH}/{token}/attach", {"customer": str(customer_id)})
    api.error(response, 409, "payment_method_detached")


def test_attaching_to_a_second_customer_is_a_conflict(api: Api, make_customer):
    owner, other = make_customer(api.scope), make_customer(api.scope)
    token = api.post(PATH, body(owner)).json()["id"]
    response = api.post(f"{PATH}/{token}/attach", {"customer": str(other)})
    api.error(response, 409, "payment_method_already_attached")


def test_a_detached_card_is_not_charged(api: Api):
    token = made(api)["id"]
    api.post(f"{PATH}/{token}/detach")
    response = api.post(
        "/v1/transactions", {"amount": 1000, "currency": "USD", "payment_method": token}
    )
    assert api.error(response, 400, "parameter_invalid")["param"] == "payment_method"


def test_a_charge_notes_the_use(api: Api):
    paid = api.paid()
    answer = api.get(f"{PATH}/{paid['payment_method']}").json()
    assert answer["last_used_at"] is not None


@pytest.mark.parametrize("content", [{}, {"customer": None}, {"customer": "x"}])
def test_attach_wants_a_customer(api: Api, content):
    token = made(api)["id"]
    response = api.post(f"{PATH}/{token}/attach", content)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "customer"


def test_detach_takes_no_parameters(api: Api):
    token = made(api)["id"]
    error = api.error(api.post(f"{PATH}/{token}/detach", {"x": 1}), 400, "unknown_parameter")
    assert error["param"] == "x"


# Who may what


def test_a_publishable_key_may_tokenise_without_a_customer(publishable: httpx.Client, api: Api):
    response = publishable.post(PATH, json=body())
    assert response.status_code == 201
    assert api.get(f"{PATH}/{response.json()['id']}").status_code == 200


def test_a_publishable_key_may_not_name_a_customer(
    publishable: httpx.Client, api: Api, customer_id
):
    response = publishable.post(PATH, json=body(customer_id))
    api.error(response, 403, "customer_not_allowed")
    assert not PaymentMethod.objects.filter(merchant_id=api.scope.merchant_id).exists()


def test_a_publishable_key_may_do_nothing_else(publishable: httpx.Client, api: Api, customer_id):
    token = made(api)["id"]
    for response in (
        publishable.get(PATH),
        publishable.get(f"{PATH}/{token}"),
        publishable.post(f"{PATH}/{token}/attach", json={"customer": str(customer_id)}),
        publishable.post(f"{PATH}/{token}/detach"),
    ):
        api.error(response, 403, "permission_denied")


def test_a_secret_key_needs_the_permission(server: Server, api: Api):
    token = made(api)["id"]
    reader_key = make_key(api.scope, "payment_methods:read")
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {reader_key}"}
    ) as reader:
        assert reader.get(f"{PATH}/{token}").status_code == 200
        assert reader.get(PATH).status_code == 200
        for response in (
            reader.post(PATH, json=body()),
            reader.post(f"{PATH}/{token}/detach"),
        ):
            error = api.error(response, 403, "permission_denied")
            assert "payment_methods:write" in error["message"]
    stranger_key = make_key(Scope(api.scope.merchant_id, "test"), "customers:write")
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {stranger_key}"}
    ) as stranger:
        error = api.error(stranger.get(PATH), 403, "permission_denied")
        assert "payment_methods:read" in error["message"]


def test_without_a_key_nothing_is_answered(server: Server):
    for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/pm_x")):
        assert httpx.request(method, f"{server.url}{path}").status_code == 401


def test_an_unreadable_card_is_our_fault_and_not_told(api: Api, server: Server):
    token = made(api)["id"]
    PaymentMethod.objects.filter(token=token).update(encryption_key_id="retired-2019")
    response = api.get(f"{PATH}/{token}")
    error = api.error(response, 500, "internal_error")
    assert "retired-2019" not in response.text
    assert error["type"] == "api_error"
    assert "encryption key 'retired-2019' is not in the vault's key ring" in (
        server.log.read_text(errors="replace")
    )


# Browsers.


def test_a_page_of_any_origin_may_tokenise(publishable: httpx.Client):
    origin = {"Origin": "https://shop.example"}
    asked = publishable.options(
        "/v1/payment_methods",
        headers={
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert asked.headers["Access-Control-Allow-Methods"] == "POST"
    allowed = asked.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))

    for content, status in ((body(), 201), ({}, 400)):
        told = publishable.post(PATH, json=content, headers=origin)
        assert told.status_code == status
        assert told.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/v1/transactions", "/v1/customers", "/v1/payment_methods/x"])
def test_a_page_gets_at_nothing_else(api: Api, path):
    assert api.http.options(path).status_code == 405
    assert "Access-Control-Allow-Origin" not in api.get(path).headers


def test_a_list_is_of_a_range_of_time(api: Api):
    made = api.post(PATH, body()).json()
    for end, found in (("gte", [made["id"]]), ("gt", []), ("lte", [made["id"]]), ("lt", [])):
        listed = api.get("/v1/payment_methods", **{f"created_at[{end}]": made["created_at"]})
        assert [row["id"] for row in listed.json()["data"]] == found
