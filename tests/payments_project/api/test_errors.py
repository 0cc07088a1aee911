"""Every refusal has one shape, its status, its code and its headers."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from merchants.models import ApiKey, Merchant
from tests.api_client import Api, new_key
from tests.merchants.making import MadeMerchant, client_of, make_key, make_merchant
from tests.server import Server


def with_header(server: Server, value: str | None) -> httpx.Response:
    headers = {} if value is None else {"Authorization": value}
    return httpx.get(f"{server.url}/v1/balance", headers=headers)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_error_has_all_its_fields(api: Api) -> None:
    response = api.post("/v1/transactions", {"amount": 1, "currency": "USD"})
    error = api.error(response, 400, "parameter_missing")
    assert error == {
        "type": "invalid_request_error",
        "code": "parameter_missing",
        "message": error["message"],
        "param": "payment_method",
        "request_id": response.headers["Request-Id"],
        "doc_url": error["doc_url"],
    }
    assert error["doc_url"].endswith("/docs#errors-parameter_missing")
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Bearer sk_test_" + "x" * 40,
        "Bearer sk_test_" + "x" * 4000,
        "Basic !!!",
        basic("sk_test_wrong:"),
        basic("\xff"),
        "Token abc",
    ],
)
def test_without_a_valid_key_it_is_a_401(server: Server, api: Api, header: str | None) -> None:
    response = with_header(server, header)
    api.error(response, 401, "api_key_invalid")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_key_is_taken_as_basic_user_name_too(server: Server, api: Api) -> None:
    assert with_header(server, basic(f"{api.key}:")).status_code == 200
    assert with_header(server, basic(f"{api.key}:ignored")).status_code == 200


def test_key_with_one_letter_changed_is_a_401(server: Server, api: Api) -> None:
    last = "A" if api.key[-1] != "A" else "B"
    api.error(with_header(server, f"Bearer {api.key[:-1]}{last}"), 401, "api_key_invalid")


def test_expired_key_says_so(server: Server, api: Api) -> None:
    key = make_key(api.scope, expires_at=datetime.now(UTC) + timedelta(days=1))
    ApiKey.objects.filter(merchant_id=api.scope.merchant_id).update(
        expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    api.error(with_header(server, f"Bearer {key}"), 401, "api_key_expired")


@pytest.mark.parametrize(
    ("held", "method", "path", "needed"),
    [
        ("customers:read", "GET", "/v1/transactions", "transactions:read"),
        ("transactions:read", "POST", "/v1/transactions", "transactions:write"),
        ("transactions:write", "POST", "/v1/refunds", "refunds:write"),
        ("refunds:write", "GET", "/v1/balance", "balance:read"),
        ("balance:read", "GET", "/v1/balance/entries", None),
        ("customers:read", "POST", "/v1/customers", "customers:write"),
        ("customers:write", "GET", "/v1/customers", None),
        ("payment_methods:read", "POST", "/v1/payment_methods", "payment_methods:write"),
        ("api_keys:read", "POST", "/v1/api_keys", "api_keys:write"),
        ("transactions:read", "POST", "/v1/transactions/record", "transactions:write"),
    ],
)
def test_missing_permission_is_named(
    server: Server, api: Api, held: str, method: str, path: str, needed: str | None
) -> None:
    headers = {"Authorization": f"Bearer {make_key(api.scope, held)}"}
    response = httpx.request(method, f"{server.url}{path}", headers=headers)
    if needed is None:
        assert response.status_code == 200, response.text
        return
    error = api.error(response, 403, "permission_denied")
    assert error["type"] == "invalid_request_error"
    assert needed in error["message"]


def test_what_does_not_exist_is_a_404_in_a_path_and_a_400_in_a_body(api: Api) -> None:
    nobody = str(uuid4())
    for path in ("transactions", "customers", "refunds", "api_keys", "payment_methods"):
        error = (
            api.error(api.get(f"/v1/{path}/{nobody}"), 404, "resource_missing")
            if (path != "api_keys")
            else api.error(api.post(f"/v1/api_keys/{nobody}/revoke"), 404, "resource_missing")
        )
        assert error["type"] == "invalid_request_error"
        assert "param" not in error
    error = api.error(api.post("/v1/refunds", {"transaction": nobody}), 400, "resource_missing")
    assert error["param"] == "transaction"
    for name, kind in (
        ("customer", "transactions"),
        ("payment_method", "transactions"),
        ("transaction", "refunds"),
        ("transaction", "disputes"),
        ("customer", "payment_methods"),
        ("starting_after", "customers"),
    ):
        error = api.error(api.get(f"/v1/{kind}", **{name: nobody}), 400, "resource_missing")
        assert error["param"] == name


def test_no_endpoint_is_a_404_in_the_same_shape(api: Api) -> None:
    for path in ("/v1/", "/v1/nothing", "/v1/transactions/", "/v1/transactions//capture"):
        api.error(api.get(path), 404, "resource_missing")


def test_other_methods_are_a_405_that_lists_those_there_are(api: Api) -> None:
    response = api.http.put("/v1/transactions", json={})
    api.error(response, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(re.split(r",\s*", response.headers["Allow"]))
    for method in ("DELETE", "TRACE", "OPTIONS", "QUERY"):
        api.error(api.http.request(method, "/v1/balance"), 405, "method_not_allowed")


def test_suspended_merchant_takes_no_live_payment_but_a_test_one(server: Server) -> None:
    merchant = make_merchant()
    Merchant.objects.filter(pk=merchant.id).update(status="suspended")
    with client_of(server, merchant, "live") as live:
        live.error(live.pay(), 403, "merchant_not_active")
        record = {
            "amount": 1000,
            "currency": "USD",
            "payment_method_type": "cash",
            "external_reference": "receipt 7",
        }
        live.error(live.post("/v1/transactions/record", record), 403, "merchant_not_active")
        assert live.get("/v1/balance").status_code == 200
    with client_of(server, merchant, "test") as test:
        assert test.pay().status_code == 201


def suspended(merchant: MadeMerchant) -> MadeMerchant:
    """The account, suspended, with a live key that no process remembers."""
    Merchant.objects.filter(pk=merchant.id).update(status="suspended")
    return MadeMerchant(merchant.id, {"live": make_key(merchant.scope("live"))})


def test_suspended_merchant_gives_money_back_but_takes_none(server: Server) -> None:
    merchant = make_merchant()
    with client_of(server, merchant, "live") as live:
        paid = live.paid(amount=1000)
        held, other = (f"/v1/transactions/{live.paid(capture=False)['id']}" for _ in range(2))
    with client_of(server, suspended(merchant), "live") as live:
        live.error(live.post(f"{held}/capture"), 403, "merchant_not_active")
        assert live.post(f"{other}/cancel").json()["status"] == "cancelled"
        refund = live.post("/v1/refunds", {"transaction": paid["id"], "amount": 400})
        assert (refund.status_code, refund.json()["status"]) == (201, "succeeded")
        assert live.get(held).json()["status"] == "authorized"


def test_key_outlives_the_account(server: Server) -> None:
    """What was done under it before is replayed, also once the account takes no payment more."""
    merchant, key = make_merchant(), new_key()
    with client_of(server, merchant, "live") as live:
        body = {"amount": 1000, "currency": "USD", "payment_method": live.card()}
        first = live.post("/v1/transactions", body, key=key)
    with client_of(server, suspended(merchant), "live") as live:
        again = live.post("/v1/transactions", body, key=key)
        live.error(live.post("/v1/transactions", body, key=new_key()), 403, "merchant_not_active")

    assert (again.status_code, again.json()) == (201, first.json())


def test_amount_over_what_is_taken_has_its_own_code(api: Api) -> None:
    body = {"amount": 10**15, "currency": "USD", "payment_method": api.card()}
    error = api.error(api.post("/v1/transactions", body), 400, "amount_too_large")
    assert error["param"] == "amount"


def test_currency_outside_the_configuration_has_its_own_code(server: Server) -> None:
    merchant = make_merchant(processing_config={"currencies": ["EUR"]})
    with client_of(server, merchant, "test") as api:
        assert api.pay(currency="EUR").status_code == 201
        error = api.error(api.pay(currency="USD"), 400, "currency_not_supported")
        assert error["param"] == "currency"


def test_capture_and_refund_beyond_the_amount_have_their_codes(api: Api) -> None:
    authorized = api.paid(amount=500, capture=False)
    path = f"/v1/transactions/{authorized['id']}/capture"
    api.error(api.post(path, {"amount": 501}), 409, "amount_exceeds_capturable")
    assert api.post(path).status_code == 200
    api.error(api.post(path), 409, "transaction_state_invalid")
    body = {"transaction": authorized["id"], "amount": 501}
    error = api.error(api.post("/v1/refunds", body), 409, "amount_exceeds_refundable")
    assert error["type"] == "invalid_request_error"


def test_request_ids_differ_and_stand_in_every_response(api: Api) -> None:
    responses = [
        api.get("/v1/balance"),
        api.get("/v1/nothing"),
        api.post("/v1/customers", {"x": 1}),
    ]
    ids = [response.headers["Request-Id"] for response in responses]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"req_[0-9a-zA-Z]{20,}", request_id) for request_id in ids)


def test_answers_have_a_length_and_may_be_asked_by_head(api: Api) -> None:
    whole = api.get("/v1/balance")
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    head = api.http.head("/v1/balance")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("key", ["é", "x" * 256, "a\tb"])
def test_idempotency_key_that_is_none_is_refused(api: Api, key: str) -> None:
    response = api.http.post(
        "/v1/customers", json={}, headers=[(b"Idempotency-Key", key.encode("latin-1"))]
    )
    error = api.error(response, 400, "parameter_invalid")
    assert error["param"] == "Idempotency-Key"


def test_declined_card_shows_the_transaction_whole(api: Api, merchant: MadeMerchant) -> None:
    response = api.pay("4000000000009995", amount=700, key=new_key())
    error: dict[str, Any] = api.error(response, 402, "card_declined")
    assert error["type"] == "card_error"
    assert error["decline_code"] == "insufficient_funds"
    assert error["transaction"] == api.transaction(error["transaction"]["id"])
    assert error["transaction"]["status"] == "failed"


@pytest.mark.parametrize("path", ["/docs", "/healthz", "/readyz", "/metrics", "/v1/openapi.json"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_what_can_only_be_read_refuses_other_methods(
    server: Server, method: str, path: str
) -> None:
    response = httpx.request(method, f"{server.url}{path}")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["transactions", "customers", "balance", "api_keys"])
def test_head_needs_the_permission_of_get(server: Server, api: Api, path: str) -> None:
    for key, status in ((make_key(api.scope, "events:read"), 403), (api.key, 200)):
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.head(f"{server.url}/v1/{path}", headers=headers).status_code == status


def test_messages_are_in_words_of_the_api(api: Api) -> None:
    body = {
        "name": "",
        "phone": 1,
        "address": [],
        "metadata": "x",
        "external_customer_id": "x" * 101,
    }
    error = api.error(api.post("/v1/customers", body), 400, "parameter_invalid")
    assert {item["param"]: item["message"] for item in error["errors"]} == {
        "name": "Must have at least 1 characters.",
        "phone": "Must be a string.",
        "address": "Must be an object.",
        "metadata": "Must be an object.",
        "external_customer_id": "Must have at most 100 characters.",
    }
