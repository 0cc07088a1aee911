"""Input that stock Django and DRF fall over or let through: refused at every endpoint alike."""

import http.client
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.db import connection

from tests.api_client import Api
from tests.payments_project.api.hostile import (
    AMOUNTS,
    BODIES,
    BODY_BYTES_MAX,
    DEPTH_MAX,
    IDS,
    QUERIES,
    nested,
)
from tests.server import Server

JSON = {"Content-Type": "application/json"}
_TENANTS_TABLES = (
    "transactions",
    "customers",
    "payment_methods_vault",
    "refunds",
    "disputes",
    "ledger_entries",
    "merchant_api_keys",
    "idempotency_keys",
    "events",
    "webhook_endpoints",
    "webhook_deliveries",
)


@pytest.fixture(scope="module")
def operations(server: Server) -> list[tuple[str, str]]:
    """Method and path of every endpoint that the API's document lists."""
    document = httpx.get(f"{server.url}/v1/openapi.json").json()
    return [
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path.startswith("/v1/") and not takes_a_form(operation)
    ]


def takes_a_form(operation: dict[str, Any]) -> bool:
    """Whether its body is a form and no JSON (tests/disputes/test_files.py)."""
    return "multipart/form-data" in operation.get("requestBody", {}).get("content", ())


@pytest.fixture
def nothing_written(api: Api) -> Iterator[None]:
    """Checks that the test left the merchant's rows as they were."""
    before = rows_of(api.scope.merchant_id)
    yield
    assert rows_of(api.scope.merchant_id) == before


def rows_of(merchant_id: UUID) -> dict[str, int]:
    counts = {}
    with connection.cursor() as cursor:
        for table in _TENANTS_TABLES:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE merchant_id = %s", [merchant_id])
            counts[table] = cursor.fetchone()[0]
    return counts


def addressed(path: str, identity: str | None = None) -> str:
    return re.sub(r"{\w+}", identity or str(uuid4()), path)


def refused(response: httpx.Response, *statuses: int, about: Any) -> dict[str, Any]:
    """The error of a refusal in the one shape that there is."""
    assert response.status_code in statuses, (about, response.status_code, response.text[:300])
    error: dict[str, Any] = response.json()["error"]
    assert {"type", "code", "message", "request_id", "doc_url"} <= set(error), about
    assert error["request_id"] == response.headers["Request-Id"], about
    return error


def test_no_endpoint_takes_a_hostile_body(
    api: Api, operations: list[tuple[str, str]], nothing_written: None
) -> None:
    taking = [(m, p) for m, p in operations if m in ("POST", "PATCH") and "/gateways/" not in p]
    assert len(taking) >= 12
    for method, path in taking:
        for name, body in BODIES.items():
            response = api.http.request(method, addressed(path), content=body, headers=JSON)
            error = refused(response, 400, 404, about=(method, path, name))
            # Where the path's object is looked for first, its absence may be what is told.
            if response.status_code == 400:
                assert error["code"] == "json_invalid", (method, path, name, error)


def test_a_callback_with_a_hostile_body_is_refused(server: Server) -> None:
    for name, body in BODIES.items():
        response = httpx.post(
            f"{server.url}/v1/gateways/simulator/webhook", content=body, headers=JSON
        )
        refused(response, 400, 401, about=name)


@pytest.mark.parametrize("name", BODIES)
def test_hostile_body_is_told_as_bad_json(api: Api, nothing_written: None, name: str) -> None:
    response = api.http.post("/v1/customers", content=BODIES[name], headers=JSON)
    error = refused(response, 400, about=name)
    assert (error["type"], error["code"]) == ("invalid_request_error", "json_invalid")


def test_nesting_up_to_the_limit_is_read(api: Api) -> None:
    response = api.http.post("/v1/customers", content=nested(DEPTH_MAX), headers=JSON)
    assert refused(response, 400, about="depth")["code"] == "parameter_invalid"


def test_body_over_256_kib_is_a_413_and_one_below_is_read(
    api: Api, operations: list[tuple[str, str]], nothing_written: None
) -> None:
    frame = len(b'{"description": ""}')
    largest = b'{"description": "' + b"x" * (BODY_BYTES_MAX - frame) + b'"}'
    assert len(largest) == BODY_BYTES_MAX
    for method, path in operations:
        if method not in ("POST", "PATCH"):
            continue
        url = addressed(path)
        read = api.http.request(method, url, content=largest, headers=JSON)
        refused(read, 400, 401, 404, about=(method, path))
        over = api.http.request(method, url, content=largest + b" ", headers=JSON)
        error = refused(over, 413, 404, 401, about=(method, path))
        if over.status_code == 413:
            assert error["code"] == "payload_too_large"


def test_connection_outlives_a_refused_body(server: Server, api: Api) -> None:
    """Twice over one connection: the body was read past, though nobody looked at it."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    body = b"x" * (6 * BODY_BYTES_MAX)
    for key, status in (("", 401), (api.key, 413), (api.key, 413)):
        headers = {"Authorization": f"Bearer {key}", **JSON}
        connection.request("POST", "/v1/customers", body=body, headers=headers)
        response = connection.getresponse()
        assert response.status == status, response.read()
        response.read()
        assert connection.sock is not None, "the server closed the connection"
    connection.close()


def test_body_without_a_length_is_limited_too(api: Api, nothing_written: None) -> None:
    chunks = iter([b'{"description": "', *[b"x" * 65536] * 8, b'"}'])
    response = api.http.post("/v1/customers", content=chunks, headers=JSON)
    assert refused(response, 413, about="chunked")["code"] == "payload_too_large"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_content_types_are_a_415(api: Api, nothing_written: None, content_type: str) -> None:
    response = api.http.post(
        "/v1/customers", content=b'{"email": "a@b.test"}', headers={"Content-Type": content_type}
    )
    assert refused(response, 415, about=content_type)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(("amount", "code"), AMOUNTS.items(), ids=lambda text: text[:12])
def test_only_a_positive_integer_in_range_is_an_amount(api: Api, amount: str, code: str) -> None:
    token = api.card()
    before = rows_of(api.scope.merchant_id)
    body = f'{{"amount": {amount}, "currency": "USD", "payment_method": "{token}"}}'
    response = api.http.post("/v1/transactions", content=body.encode(), headers=JSON)
    error = refused(response, 400, about=amount)
    assert (error["code"], error["param"]) == (code, "amount")
    assert rows_of(api.scope.merchant_id) == before


def test_unknown_parameters_are_named_with_their_place(api: Api, nothing_written: None) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "colour": "red"}
    error = refused(
        api.post("/v1/payment_methods", {"type": "card", "card": card, "extra": 1}), 400, about=card
    )
    assert error["code"] == "unknown_parameter"
    assert {item["param"] for item in error["errors"]} == {"card.colour", "extra"}


def test_every_wrong_parameter_is_told_at_once(api: Api, nothing_written: None) -> None:
    body = {"amount": "10", "currency": "XYZ", "capture": 1, "metadata": {"a": 1}}
    error = refused(api.post("/v1/transactions", body), 400, about=body)
    told = {item["param"]: item["code"] for item in error["errors"]}
    assert told["amount"] == told["capture"] == told["metadata.a"] == "parameter_invalid"
    assert told["payment_method"] == "parameter_missing"


def test_no_list_takes_a_hostile_query(api: Api, server: Server) -> None:
    document = httpx.get(f"{server.url}/v1/openapi.json").json()
    lists = [
        path
        for path, item in document["paths"].items()
        if "{" not in path
        and any(
            parameter.get("name") == "limit"
            for parameter in item.get("get", {}).get("parameters", [])
        )
    ]
    assert {"/v1/transactions", "/v1/customers", "/v1/refunds", "/v1/api_keys"} <= set(lists)
    assert {"/v1/events", "/v1/webhook_endpoints"} <= set(lists)
    for path in lists:
        for query, parameter in QUERIES.items():
            # A list of cards needs a customer; that it is missing may be told beside.
            error = refused(api.http.get(f"{path}?{query}"), 400, about=(path, query))
            named = {error.get("param"), *(item["param"] for item in error.get("errors", []))}
            # A character that no parameter can have is told before any is looked at.
            assert parameter in named or "%00" in query or "%ED" in query, (path, query, error)


def test_no_read_takes_an_unknown_parameter(api: Api, operations: list[tuple[str, str]]) -> None:
    for method, path in operations:
        if method == "GET" and path != "/v1/openapi.json":
            for query in ("x=1", "x=%00", "%00=1", "x=%ED%A0%80", "x[a][b]=1", "x=1&x=1"):
                response = api.http.get(f"{addressed(path)}?{query}")
                refused(response, 400, 404, about=(path, query))


def test_no_id_is_found_that_is_none(api: Api, operations: list[tuple[str, str]]) -> None:
    for method, path in operations:
        if "{" not in path or "/gateways/" in path:
            continue
        for identity in IDS:
            response = api.http.request(
                method, addressed(path, identity), content=b"{}", headers=JSON
            )
            # The body is looked at first, where it lacks something.
            statuses = (404, 400) if method in ("POST", "PATCH") else (404,)
            error = refused(response, *statuses, about=(method, path, identity))
            if response.status_code == 404:
                assert error["code"] == "resource_missing"


def test_odd_text_that_is_legal_is_kept_letter_by_letter(api: Api) -> None:
    metadata = {
        "emoji": "💳",
        "direction": "\u202eabc",
        "line": "a\nb\tc",
        "quote": '"\\',
        "name": "é́",
    }
    customer = api.post("/v1/customers", {"metadata": metadata})
    assert customer.status_code == 201, customer.text
    assert api.get(f"/v1/customers/{customer.json()['id']}").json()["metadata"] == metadata
