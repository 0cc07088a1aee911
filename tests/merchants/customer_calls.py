"""What the tests of customers ask the API, and the customer that they ask it for."""

from typing import Any

from django.db import connection

from payments_project.events.models import Event
from tests.api_client import Api

PATH = "/v1/customers"
NOBODYS_ID = "01900000-0000-7000-8000-000000000000"
ADDRESS = {
    "line1": "12 St James's Square",
    "line2": "2nd floor",
    "city": "Marylebone",
    "state": "Greater London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}
ADA: dict[str, Any] = {
    "external_customer_id": "till-7781",
    "email": "Ada.Lovelace@analytical.test",
    "phone": "+44 20 7946 0958",
    "name": "Ada Lovelace",
    "address": ADDRESS,
    "birth_date": "1915-12-10",
    "metadata": {"tier": "gold", "since": "1843"},
}
PERSONAL = [
    "ada.lovelace",
    "analytical",
    "7946 0958",
    "lovelace",
    "james",
    "marylebone",
    "1915-12-10",
]


def made(api: Api, **fields: Any) -> dict[str, Any]:
    """A new customer, as the API answers it."""
    response = api.post(PATH, fields)
    assert response.status_code == 201, response.text
    customer: dict[str, Any] = response.json()
    return customer


def read(api: Api, customer: dict[str, Any]) -> dict[str, Any]:
    response = api.get(f"{PATH}/{customer['id']}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def changed(api: Api, customer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The customer after a change that is expected to be taken."""
    response = api.patch(f"{PATH}/{customer['id']}", changes)
    assert response.status_code == 200, response.text
    after: dict[str, Any] = response.json()
    assert after == read(api, customer)
    return after


def deleted(api: Api, customer: dict[str, Any]) -> dict[str, Any]:
    response = api.delete(f"{PATH}/{customer['id']}")
    assert response.status_code == 200, response.text
    after: dict[str, Any] = response.json()
    return after


def listed(api: Api, **query: Any) -> list[str]:
    """The ids of a list's first page."""
    response = api.get(PATH, **query)
    assert response.status_code == 200, response.text
    return [customer["id"] for customer in response.json()["data"]]


def event_types(customer: dict[str, Any]) -> list[str]:
    events = Event.objects.filter(aggregateid=customer["id"]).order_by("sequence")
    return list(events.values_list("type", flat=True))


def rows_about(customer: dict[str, Any]) -> list[str]:
    """The customer's row and events as text, in lower case."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lower(c::text) FROM customers AS c WHERE id = %s UNION ALL"
            " SELECT lower(e::text) FROM events AS e WHERE aggregateid = %s",
            [customer["id"], customer["id"]],
        )
        return [row for (row,) in cursor.fetchall()]
