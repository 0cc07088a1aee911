"""Schemas of events over HTTP, where ``dataschema`` of an event in Kafka says they are."""

from pathlib import Path

import httpx
import pytest

from payments_project.events import catalogue
from payments_project.events.catalogue import EventType, event_type, event_types, event_versions
from payments_project.events.published import types_table
from payments_project.events.schemas import FOLDER, file_name, schema_url
from tests.server import Server

ROOT = Path(__file__).resolve().parents[3]


def test_every_schema_is_served_to_anybody_as_its_file_has_it(server: Server) -> None:
    with httpx.Client() as http:
        for item in event_versions():
            url = schema_url(item)
            assert url == f"{server.url}/docs/events/{item.name}.v{item.version}.json"
            response = http.get(url)
            assert response.status_code == 200
            assert response.headers["Content-Type"] == "application/schema+json"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.text == (ROOT / FOLDER / file_name(item)).read_text()


@pytest.mark.parametrize(
    "name", ["refund.created.v2.json", "refund.created", "README.md", "..%2f..%2fmanage.py", ""]
)
def test_any_other_file_is_not_there(server: Server, name: str) -> None:
    response = httpx.get(f"{server.url}/docs/events/{name}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "resource_missing"


def test_schema_can_only_be_read(server: Server) -> None:
    url = f"{server.url}/docs/events/refund.created.v1.json"

    assert httpx.head(url).status_code == 200
    for method in ("POST", "PUT", "DELETE"):
        response = httpx.request(method, url)
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_old_version_stays_beside_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first = event_type("refund.created")
    second = EventType("refund.created", 2, "A refund was asked for.", first.object)
    monkeypatch.setitem(catalogue._TYPES, ("refund.created", 2), second)

    assert event_type("refund.created") is second
    assert [item for item in event_types() if item.name == "refund.created"] == [second]
    assert [item for item in event_versions() if item.name == "refund.created"] == [first, second]
    assert schema_url(second).endswith("/docs/events/refund.created.v2.json")
    assert (
        "| `refund.created` | [1](refund.created.v1.json) | As the newer version; no longer"
        " written. |\n| `refund.created` | [2](refund.created.v2.json) | A refund was asked for. |"
    ) in types_table()
