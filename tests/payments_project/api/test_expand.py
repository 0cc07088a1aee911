"""``expand[]``: objects in place of ids, for those who may read them."""

from typing import Any

import httpx
import pytest

from tests.api_client import Api
from tests.merchants.making import make_key
from tests.server import Server


def bought(api: Api) -> tuple[str, dict[str, Any]]:
    """A customer and what they paid."""
    customer = api.post("/v1/customers", {"name": "Ada Byron"}).json()["id"]
    token = api.card(customer=customer)
    response = api.post(
        "/v1/transactions",
        {"amount": 900, "currency": "USD", "payment_method": token, "customer": customer},
    )
    assert response.status_code == 201, response.text
    return customer, response.json()


def test_ids_stay_ids_unless_asked(api: Api) -> None:
    customer, payment = bought(api)
    assert api.transaction(payment["id"])["customer"] == customer


def test_customer_and_card_stand_in_place_of_their_ids(api: Api) -> None:
    customer, payment = bought(api)
    found = api.http.get(
        f"/v1/transactions/{payment['id']}?expand[]=customer&expand[]=payment_method"
    ).json()
    assert found["customer"] == api.get(f"/v1/customers/{customer}").json()
    token = payment["payment_method"]
    assert found["payment_method"] == api.get(f"/v1/payment_methods/{token}").json()
    assert "4242424242424242" not in str(found)


def test_lists_are_expanded_row_by_row_and_guests_stay_null(api: Api) -> None:
    customer, _ = bought(api)
    api.paid()
    rows = api.http.get("/v1/transactions?expand[]=customer").json()["data"]
    assert rows[0]["customer"] is None
    assert rows[1]["customer"]["id"] == customer


def test_refunds_of_a_transaction_are_a_list(api: Api) -> None:
    _, payment = bought(api)
    refund = api.post("/v1/refunds", {"transaction": payment["id"], "amount": 100}).json()
    found = api.http.get(f"/v1/transactions/{payment['id']}?expand[]=refunds").json()
    assert found["refunds"]["object"] == "list"
    assert found["refunds"]["data"] == [refund]
    back = api.http.get(f"/v1/refunds/{refund['id']}?expand[]=transaction").json()
    assert back["transaction"]["id"] == payment["id"]


def test_what_can_not_be_expanded_is_refused(api: Api) -> None:
    _, payment = bought(api)
    for name in ("merchant", "amount", "id", "", "customer.id", "refunds2"):
        response = api.get(f"/v1/transactions/{payment['id']}", **{"expand[]": name})
        assert api.error(response, 400, "parameter_invalid")["param"] == "expand[]"


def test_expanding_needs_the_right_to_read_the_object(server: Server, api: Api) -> None:
    _, payment = bought(api)
    url = f"{server.url}/v1/transactions/{payment['id']}"
    headers = {"Authorization": f"Bearer {make_key(api.scope, 'transactions:read')}"}
    assert httpx.get(url, headers=headers).status_code == 200
    response = httpx.get(f"{url}?expand[]=customer", headers=headers)
    assert "customers:read" in api.error(response, 403, "permission_denied")["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/transactions", "/v1/customers", "/v1/balance", "/v1/api_keys", "/v1/refunds",
        "/v1/events", "/v1/webhook_endpoints",
    ],
)  # fmt: skip
def test_what_can_not_be_expanded_is_refused_of_an_empty_list_too(api: Api, path: str) -> None:
    name = "refunds" if path != "/v1/transactions" else "payouts"
    error = api.error(api.http.get(f"{path}?expand[]={name}"), 400, "parameter_invalid")
    assert error["param"] == "expand[]"


def test_a_lists_objects_may_be_named_with_data_before(api: Api) -> None:
    customer, _ = bought(api)
    found = api.http.get("/v1/transactions?expand[]=data.customer").json()["data"]
    assert [row["customer"]["id"] for row in found] == [customer]


def test_what_a_call_makes_or_changes_is_expanded_too(api: Api) -> None:
    customer, payment = bought(api)
    path = f"/v1/transactions/{payment['id']}"
    changed = api.http.patch(f"{path}?expand[]=customer", json={"description": "Lamp"}).json()
    assert changed["customer"] == api.get(f"/v1/customers/{customer}").json()


def test_no_call_ignores_its_query_string(api: Api) -> None:
    customer, payment = bought(api)
    path = f"/v1/transactions/{payment['id']}"
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/transactions", {"amount": 1, "currency": "USD", "payment_method": "pm_"}),
        ("POST", "/v1/payment_methods", {"type": "card", "card": card}),
        ("POST", "/v1/customers", {}),
        ("POST", "/v1/refunds", {"transaction": payment["id"]}),
        ("POST", f"{path}/capture", {}),
        ("POST", "/v1/webhook_endpoints", {"url": "https://shop.example/"}),
        ("PATCH", path, {"description": "Lamp"}),
        ("PATCH", f"/v1/customers/{customer}", {"name": "Eve"}),
        ("DELETE", f"/v1/customers/{customer}", {}),
    ]
    for method, address, body in calls:
        for query, code in (("?colour=red", "unknown_parameter"), ("?a=%00", "parameter_invalid")):
            json = None if method == "DELETE" else body
            response = api.http.request(method, address + query, json=json)
            api.error(response, 400, code)
    assert api.transaction(payment["id"]) == payment
    assert api.get(f"/v1/customers/{customer}").json()["is_active"]
