"""The OpenAPI document says what the service does, and ``/docs`` needs nobody else's host."""

import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from analytics.services.refresh_monthly_stats import refresh_monthly_stats
from payments_project.api import reference
from payments_project.api.errors import HttpRefusal
from payments_project.errors import ServiceError
from tests.analytics.reports.reading import summary, today
from tests.api_client import Api, new_key
from tests.server import Server

DECLINED = "4000000000009995"
PROBES = ("/healthz", "/readyz", "/metrics")
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    response = httpx.get(f"{server.url}/v1/openapi.json")
    assert response.status_code == 200
    content: dict[str, Any] = response.json()
    return content


def check(document: dict[str, Any], path: str, response: httpx.Response) -> None:
    """``response`` has the status, the headers and the body that the document promises."""
    operation = document["paths"][path][response.request.method.lower()]
    promised = operation["responses"][str(response.status_code)]
    if "$ref" in promised:
        promised = document["components"]["responses"][promised["$ref"].rpartition("/")[2]]
    jsonschema.validate(
        response.json(),
        {**promised["content"]["application/json"]["schema"], "components": document["components"]},
        cls=jsonschema.Draft202012Validator,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    optional = {"Retry-After", "Idempotent-Replayed"}
    assert set(promised["headers"]) - optional <= {
        name for name in promised["headers"] if name in response.headers
    }


def operations_of(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_the_document_lists_the_url_table_and_nothing_else(document: dict[str, Any]) -> None:
    expected = set()
    for route, view in _views(get_resolver().url_patterns):
        if not route.startswith("v1/") or route == "v1/openapi.json":
            continue
        path = "/" + re.sub(r"<str:(\w+)>", r"{\1}", route)
        methods = [
            name for name in ("get", "post", "patch", "delete", "put") if hasattr(view, name)
        ] or ["post"]
        expected |= {(path, method) for method in methods}
    assert set(operations_of(document)) == expected | {(path, "get") for path in PROBES}
    assert document["openapi"].startswith("3.1")


def test_every_operation_is_described_in_full(document: dict[str, Any]) -> None:
    ids = set()
    for (path, method), operation in operations_of(document).items():
        where = f"{method} {path}"
        assert operation["summary"], where
        ids.add(operation["operationId"])
        if path in PROBES:
            continue
        assert {"400", "500"} <= set(operation["responses"]), where
        names = {parameter.get("name") for parameter in operation["parameters"]}
        assert set(re.findall(r"{(\w+)}", path)) <= names, where
        if not operation["security"]:
            assert path == "/v1/gateways/{name}/webhook"
            continue
        assert operation["x-permission"], where
        assert {"401", "403", "429"} <= set(operation["responses"]), where
        references = [parameter.get("$ref", "") for parameter in operation["parameters"]]
        has_key = "#/components/parameters/IdempotencyKey" in references
        assert has_key == (method == "post"), where
        if method in ("post", "patch"):
            assert "requestBody" in operation, where
    assert len(ids) == len(operations_of(document))


def test_request_bodies_refuse_unknown_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for where, operation in operations_of(document).items():
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            name = content["schema"]["$ref"]
            assert schemas[name.rpartition("/")[2]]["additionalProperties"] is False, where


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    contents = [
        answer["content"]["application/json"]
        for answers in (
            document["components"]["responses"],
            *(item["responses"] for item in operations_of(document).values()),
        )
        for answer in answers.values()
        if "application/json" in answer.get("content", ())
    ]
    contents += [
        content
        for item in operations_of(document).values()
        if "requestBody" in item
        for content in item["requestBody"]["content"].values()
    ]
    shown = 0
    for content in contents:
        given = [item["value"] for item in content.get("examples", {}).values()]
        for example in [*given, *([content["example"]] if "example" in content else [])]:
            shown += 1
            jsonschema.validate(
                example, {**content["schema"], "components": document["components"]}
            )
    assert shown > 15


def test_ranges_and_expansions_are_parameters(document: dict[str, Any]) -> None:
    parameters = {
        parameter.get("name"): parameter
        for parameter in document["paths"]["/v1/transactions"]["get"]["parameters"]
    }
    assert {"created_at[gte]", "created_at[lt]", "amount[gt]", "amount[lte]"} <= set(parameters)
    assert parameters["expand[]"]["schema"]["items"]["enum"] == [
        "customer", "payment_method", "refunds",
    ]  # fmt: skip
    assert parameters["limit"]["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 100, "default": 10,
    }  # fmt: skip


def test_a_payment_is_as_documented(api: Api, document: dict[str, Any]) -> None:
    key = new_key()
    customer = api.post("/v1/customers", {"email": "ann@example.com", "metadata": {"a": "b"}})
    check(document, "/v1/customers", customer)
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    body = {"type": "card", "card": card, "customer": customer.json()["id"]}
    method = api.post("/v1/payment_methods", body)
    check(document, "/v1/payment_methods", method)
    wanted = {
        "amount": 4200,
        "currency": "eur",
        "payment_method": method.json()["id"],
        "customer": customer.json()["id"],
    }
    paid = api.post("/v1/transactions", wanted, key=key)
    assert paid.status_code == 201
    check(document, "/v1/transactions", paid)
    replayed = api.post("/v1/transactions", wanted, key=key)
    assert replayed.headers["Idempotent-Replayed"] == "true"
    identity = paid.json()["id"]
    refund = api.post("/v1/refunds", {"transaction": identity, "amount": 200})
    assert refund.status_code == 201
    check(document, "/v1/refunds", refund)
    url = f"/v1/transactions/{identity}"
    expanded = api.get(url, **{"expand[]": ["customer", "payment_method", "refunds"]})
    assert expanded.json()["customer"]["object"] == "customer"
    check(document, "/v1/transactions/{transaction_id}", expanded)
    check(document, "/v1/transactions/{transaction_id}/timeline", api.get(f"{url}/timeline"))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/transactions", "/v1/refunds", "/v1/disputes", "/v1/customers", "/v1/api_keys",
        "/v1/payment_methods", "/v1/balance", "/v1/balance/entries", "/v1/events",
        "/v1/webhook_endpoints",
    ],
)  # fmt: skip
def test_readings_are_as_documented(api: Api, document: dict[str, Any], path: str) -> None:
    api.paid()
    check(document, path, api.get(path))


REPORTS = ("daily_summaries", "monthly_stats", "balance", "settlements", "fees", "disputes")


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_as_documented(api: Api, document: dict[str, Any], name: str) -> None:
    api.paid(amount=1000)
    api.paid(amount=500, currency="JPY")
    # A day without a success, whose rates are null.
    for counts in ({"transaction_count": 9, "successful_count": 6}, {"currency": "JPY"}):
        summary(api.scope, today(), **counts)
    refresh_monthly_stats()
    path = f"/v1/reports/{name}"

    answer = api.get(path)

    assert answer.json().get("data") or answer.json()["balances"]
    check(document, path, answer)
    check(document, path, api.get(path, format="xml"))
    operation = document["paths"][path]["get"]
    assert operation["tags"] == ["Reports"]
    assert operation["x-permission"] == "reports:read"
    promised = operation["responses"]["200"]["content"]
    assert set(promised) == {"application/json", "text/csv"}
    assert promised["text/csv"]["schema"] == {"type": "string"}
    file = api.get(path, format="csv")
    assert file.headers["Content-Type"].partition(";")[0] in promised


@pytest.mark.parametrize("name", REPORTS)
def test_parameters_of_reports_are_described(document: dict[str, Any], name: str) -> None:
    parameters = {
        parameter["name"]: parameter
        for parameter in document["paths"][f"/v1/reports/{name}"]["get"]["parameters"]
    }
    pages = {"limit", "starting_after", "ending_before"} if name != "balance" else set()
    assert set(parameters) == {"from", "to", "currency", "format", *pages}
    kind = "month" if name in ("monthly_stats", "disputes") else "date"
    for end in ("from", "to"):
        assert parameters[end]["schema"]["type"] == "string"
        assert parameters[end]["schema"]["format"] == kind
        assert parameters[end]["description"].startswith("The ")
    assert parameters["format"]["schema"]["enum"] == ["json", "csv"]


def test_webhook_endpoints_are_as_documented(api: Api, document: dict[str, Any]) -> None:
    path, one = "/v1/webhook_endpoints", "/v1/webhook_endpoints/{endpoint_id}"
    made = api.post(path, {"url": "https://shop.example/hooks"})
    assert made.status_code == 201
    check(document, path, made)
    url = f"{path}/{made.json()['id']}"
    check(document, one, api.get(url))
    check(document, one, api.patch(url, {"status": "disabled"}))
    check(document, f"{one}/test", api.post(f"{url}/test"))
    check(document, one, api.patch(url, {"status": "enabled"}))
    tested = api.post(f"{url}/test")
    assert tested.status_code == 201
    check(document, f"{one}/test", tested)
    check(document, f"{one}/deliveries", api.get(f"{url}/deliveries", event_type="refund.*"))
    delivery = f"/v1/webhook_deliveries/{tested.json()['id']}"
    check(document, "/v1/webhook_deliveries/{delivery_id}", api.get(delivery))
    resent = api.post(f"{delivery}/resend")
    check(document, "/v1/webhook_deliveries/{delivery_id}/resend", resent)
    since = {"since": made.json()["created_at"]}
    check(document, f"{one}/resend", api.post(f"{url}/resend", since))
    check(document, f"{one}/rotate_secret", api.post(f"{url}/rotate_secret"))
    event = api.get(f"/v1/events/{tested.json()['event']}")
    check(document, "/v1/events/{event_id}", event)
    check(document, one, api.delete(url))


def test_a_change_of_an_endpoint_has_no_defaults(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["UpdateWebhookEndpoint"]["properties"]
    assert set(fields) == {"url", "enabled_events", "description", "status"}
    assert not [name for name, field in fields.items() if "default" in field]


def test_filters_that_say_what_they_take_are_described_so(document: dict[str, Any]) -> None:
    for path in ("/v1/events", "/v1/webhook_endpoints/{endpoint_id}/deliveries"):
        described = {
            parameter.get("name"): parameter["description"]
            for parameter in document["paths"][path]["get"]["parameters"]
        }
        assert "`refund.*`" in described["type" if path == "/v1/events" else "event_type"]
        assert described["limit"] == "Objects per page."


def test_docs_say_how_webhooks_are_got(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs").text
    assert 'id="webhooks"' in page
    for word in ("/v1/webhook_endpoints", "webhook-signature", "rotate_secret", "/resend"):
        assert word in page, word


def test_docs_say_what_is_reported(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs").text
    assert 'id="reports"' in page
    assert 'data-tag="Reports"' in page
    for word in (*REPORTS, "format=csv", "# NOT COMPLETE"):
        assert word in page, word


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_as_documented(server: Server, document: dict[str, Any], path: str) -> None:
    response = httpx.get(server.url + path)
    promised = document["paths"][path]["get"]["responses"][str(response.status_code)]
    media_type = response.headers["Content-Type"].partition(";")[0]
    schema = promised["content"][media_type]["schema"]
    content = response.json() if media_type == "application/json" else response.text
    jsonschema.validate(content, schema)
    assert "Request-Id" in response.headers


def test_errors_are_as_documented(api: Api, server: Server, document: dict[str, Any]) -> None:
    declined = api.pay(DECLINED)
    assert declined.status_code == 402
    check(document, "/v1/transactions", declined)
    missing = api.get(f"/v1/transactions/{NOWHERE}")
    assert missing.status_code == 404
    check(document, "/v1/transactions/{transaction_id}", missing)
    several = api.post("/v1/transactions", {"amount": "1", "colour": "red"})
    assert several.status_code == 400
    check(document, "/v1/transactions", several)
    anonymous = httpx.get(f"{server.url}/v1/transactions")
    assert anonymous.status_code == 401
    check(document, "/v1/transactions", anonymous)


def test_docs_load_nothing_from_other_hosts(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs")
    assert page.status_code == 200
    # Code samples name this server; what the page loads or leads to is local without exception.
    addresses = re.findall(r'(?:src|href|action|url)="?\(?([^">)]+)', page.text)
    assert addresses
    assert all(re.match(r"/(?!/)|#", address) for address in addresses), addresses
    for address in {item for item in addresses if item.startswith("/static/")}:
        assert httpx.get(server.url + address).status_code == 200, address
    own = httpx.get(f"{server.url}/static/docs/docs.css").text
    assert "http" not in own
    assert "@import" not in own


def test_the_root_leads_to_the_docs(server: Server) -> None:
    response = httpx.get(server.url + "/")
    assert (response.status_code, response.headers["Location"]) == (302, "/docs")


def test_every_error_code_has_its_row(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs").text
    told = set(re.findall(r'id="errors-(\w+)"', page))
    assert told == {item.code for item in reference.ERROR_CODES}
    assert _codes() <= told


def _codes() -> set[str]:
    """Codes of every refusal that is a class, and of those that are given where it is raised."""
    classes = [ServiceError, HttpRefusal]
    for found in classes:
        classes += found.__subclasses__()
    # A class of ours without a code of its own has its base's; the console's have no address here.
    codes = {
        item.default_code
        for item in classes
        if ".console" not in item.__module__ and ".staff" not in item.__module__
    }
    root = Path(__file__).resolve().parents[3]
    for app in (
        "merchants",
        "vault",
        "transactions",
        "disputes",
        "analytics",
        "payments_project/api",
    ):
        for path in (root / app).rglob("*.py"):
            if "gateways" not in path.parts:
                codes |= set(re.findall(r'\bcode="([a-z_]+)"', path.read_text()))
    return codes


def _views(entries: list[URLPattern | URLResolver], before: str = "") -> list[tuple[str, Any]]:
    found = []
    for entry in entries:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += _views(entry.url_patterns, route)
        else:
            callback = entry.callback
            view = getattr(callback, "cls", None) or getattr(callback, "view_class", callback)
            found.append((route, view))
    return found
