"""The OpenAPI document's webhooks and the list at ``/docs#events``: the catalogue for people."""

import re
from typing import Any

import httpx
import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from payments_project.events.catalogue import event_types
from payments_project.events.models import Event
from payments_project.events.schemas import event_schema
from tests.api_client import Api
from tests.server import Server


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    content: dict[str, Any] = httpx.get(f"{server.url}/v1/openapi.json").json()
    return content


def body_of(event: Event) -> dict[str, Any]:
    """As the API contract has an event."""
    return {
        "id": str(event.pk),
        "object": "event",
        "environment": event.environment,
        "created_at": event.created_at.isoformat(),
        "type": event.type,
        "sequence": event.sequence,
        "data": event.payload,
        "request": {"id": event.request_id, "idempotency_key": event.idempotency_key},
    }


def check(document: dict[str, Any], name: str, body: dict[str, Any]) -> None:
    content = document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]
    jsonschema.validate(
        body,
        {**content["schema"], "components": document["components"]},
        cls=jsonschema.Draft202012Validator,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def test_the_document_is_valid_openapi_with_a_webhook_for_every_type(
    document: dict[str, Any],
) -> None:
    # As jsonschema, against the schema of OpenAPI 3.1; raises.
    validate_schema(document)

    assert list(document["webhooks"]) == [item.name for item in event_types()]
    operations = [item["post"] for item in document["webhooks"].values()]
    identities = {operation["operationId"] for operation in operations}
    taken = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    assert len(identities - taken) == len(operations)


def test_every_webhook_is_signed(document: dict[str, Any]) -> None:
    parameters = document["components"]["parameters"]
    for item in event_types():
        operation = document["webhooks"][item.name]["post"]
        assert item.description in operation["description"]
        named = [parameters[each["$ref"].rpartition("/")[2]] for each in operation["parameters"]]
        assert [(each["name"], each["in"], each["required"]) for each in named] == [
            ("webhook-id", "header", True),
            ("webhook-timestamp", "header", True),
            ("webhook-signature", "header", True),
        ]


def test_data_of_a_webhook_is_as_the_published_schema_says(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for item in event_types():
        operation = document["webhooks"][item.name]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        data = body["properties"]["data"]["properties"]
        held = schemas[data["object"]["$ref"].rpartition("/")[2]]
        assert {**data, "object": held} == event_schema(item)["properties"]


def test_event_is_as_the_document_says_and_another_is_not(
    api: Api, document: dict[str, Any]
) -> None:
    payment = api.paid()["id"]
    created, succeeded = Event.objects.filter(aggregateid=payment).order_by("sequence")

    check(document, "transaction.created", body_of(created))
    check(document, "transaction.succeeded", body_of(succeeded))
    check(document, "transaction.succeeded", {**body_of(succeeded), "request": None})
    for fault in ({"sequence": 0}, {"type": "transaction.created"}, {"data": {}}, {"id": "7"}):
        with pytest.raises(jsonschema.ValidationError):
            check(document, "transaction.succeeded", {**body_of(succeeded), **fault})


def test_docs_list_every_type_with_its_schema(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs").text
    (section,) = re.findall(r'<section id="events">(.*?)</section>', page, re.DOTALL)

    listed = re.findall(r"<tr><td><code>([\w.]+)</code>.*?/docs/events/([\w.]+)\">v\d+<", section)
    assert listed == [(item.name, f"{item.name}.v{item.version}.json") for item in event_types()]
    assert "ends at once or at <code>expires_at</code>" in section
    assert '<a href="#events">Events</a>' in page
