"""``expand[]``: objects in place of ids, for those who may read them."""

from typing import Any

import httpx

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
