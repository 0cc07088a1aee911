"""Refunds over HTTP: never more than was captured, whatever the gateway says and when."""

import httpx

from disputes.services.resolve_refunds import resolve_refunds
from tests.api_client import Api, new_key
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import make_key


def refund(api: Api, transaction: dict, amount: int | None = None, **more: object):
    body = {"transaction": transaction["id"], **more}
    return api.post("/v1/refunds", body if amount is None else {**body, "amount": amount})


def test_full_refund_gives_everything_back(api: Api) -> None:
    transaction = api.paid(amount=1000)

    response = refund(api, transaction, reason="requested_by_customer")

    assert response.status_code == 201
    made = response.json()
    assert made["object"] == "refund"
    assert made["transaction"] == transaction["id"]
    assert made["amount"] == 1000
    assert made["currency"] == "USD"
    assert made["reason"] == "requested_by_customer"
    assert made["status"] == "succeeded"
    assert made["failure_reason"] is None
    assert made["processed_at"] is not None
    after = api.transaction(transaction["id"])
    assert after["status"] == "refunded"
    assert after["refunded_amount"] == 1000
    assert after["captured_amount"] == 1000
    assert api.balance() == {"pending": 941, "available": -1000, "reserved": 0}


def test_partial_refunds_add_up_to_the_captured_amount(api: Api) -> None:
    transaction = api.paid(amount=1000)

    assert refund(api, transaction, 300).json()["status"] == "succeeded"
    assert api.transaction(transaction["id"])["status"] == "succeeded"
    assert refund(api, transaction, 700).json()["status"] == "succeeded"

    after = api.transaction(transaction["id"])
    assert after["status"] == "refunded"
    assert after["refunded_amount"] == 1000


def test_amount_left_is_the_default(api: Api) -> None:
    transaction = api.paid(amount=1000)
    refund(api, transaction, 300)

    assert refund(api, transaction).json()["amount"] == 700


def test_more_than_is_left_is_refused_and_changes_nothing(api: Api) -> None:
    transaction = api.paid(amount=1000)
    refund(api, transaction, 600)
    before = api.transaction(transaction["id"])

    error = api.error(refund(api, transaction, 401), 409, "amount_exceeds_refundable")

    assert error["param"] == "amount"
    assert api.transaction(transaction["id"]) == before


def test_refund_is_limited_to_what_was_captured(api: Api) -> None:
    transaction = api.paid(amount=1000, capture=False)
    api.post(f"/v1/transactions/{transaction['id']}/capture", {"amount": 600})

    api.error(refund(api, transaction, 601), 409, "amount_exceeds_refundable")
    assert refund(api, transaction, 600).json()["status"] == "succeeded"


def test_uncaptured_and_failed_payments_are_not_refunded(api: Api) -> None:
    authorized = api.paid(capture=False)
    failed = api.pay("4000000000000002").json()["error"]["transaction"]

    api.error(refund(api, authorized), 409, "transaction_state_invalid")
    api.error(refund(api, failed), 409, "transaction_state_invalid")


def test_unknown_transaction_is_a_400_with_its_parameter(api: Api, other_api: Api) -> None:
    theirs = other_api.paid()

    assert api.error(refund(api, theirs), 400, "resource_missing")["param"] == "transaction"


def test_refund_that_fails_at_the_bank_gives_the_money_back(api: Api) -> None:
    transaction = api.paid("4000000000005126", amount=1000)
    made = refund(api, transaction).json()
    assert made["status"] == "succeeded"
    assert api.transaction(transaction["id"])["status"] == "refunded"

    deliver_gateway_messages()

    after = api.get(f"/v1/refunds/{made['id']}").json()
    assert after["status"] == "failed"
    assert after["failure_reason"]
    transaction = api.transaction(transaction["id"])
    assert transaction["status"] == "succeeded"
    assert transaction["refunded_amount"] == 0
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}


def test_refund_confirmed_later_is_pending_and_counts_meanwhile(api: Api) -> None:
    transaction = api.paid("4000000000007726", amount=1000)
    made = refund(api, transaction, 1000).json()
    assert made["status"] == "pending"
    assert api.transaction(transaction["id"])["refunded_amount"] == 1000
    api.error(refund(api, transaction, 1), 409, "amount_exceeds_refundable")
    assert api.balance()["available"] == 0
    assert resolve_refunds()["asked"] == 0

    deliver_gateway_messages()

    assert api.get(f"/v1/refunds/{made['id']}").json()["status"] == "succeeded"
    assert api.transaction(transaction["id"])["status"] == "refunded"
    assert api.balance()["available"] == -1000


def test_refund_that_failed_at_the_bank_can_be_made_again(api: Api) -> None:
    transaction = api.paid("4000000000005126", amount=1000)
    refund(api, transaction)
    deliver_gateway_messages()

    again = refund(api, transaction)

    assert again.status_code == 201
    assert again.json()["status"] == "succeeded"
    assert api.transaction(transaction["id"])["refunded_amount"] == 1000


def test_payment_that_was_confirmed_later_can_be_refunded(api: Api) -> None:
    transaction = api.paid("4000000000006033", amount=1000)
    api.error(refund(api, transaction), 409, "transaction_state_invalid")
    deliver_gateway_messages()

    assert refund(api, transaction, 400).json()["status"] == "succeeded"
    assert api.balance() == {"pending": 941, "available": -400, "reserved": 0}


def test_refund_is_made_once_under_its_key(api: Api) -> None:
    transaction = api.paid(amount=1000)
    body = {"transaction": transaction["id"], "amount": 400}
    key = new_key()

    first = api.post("/v1/refunds", body, key=key)
    second = api.post("/v1/refunds", body, key=key)

    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert api.transaction(transaction["id"])["refunded_amount"] == 400


def test_refusal_is_plain_at_first_and_a_replay_after(api: Api) -> None:
    body = {"transaction": api.paid(amount=1000)["id"], "amount": 1001}
    key = new_key()

    first = api.post("/v1/refunds", body, key=key)
    second = api.post("/v1/refunds", body, key=key)

    api.error(first, 409, "amount_exceeds_refundable")
    assert "Idempotent-Replayed" not in first.headers
    assert (second.status_code, second.content) == (409, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"


def test_refunds_are_listed_by_transaction_and_expanded_on_it(api: Api) -> None:
    transaction = api.paid(amount=1000)
    other = api.paid(amount=1000)
    first = refund(api, transaction, 100).json()
    second = refund(api, transaction, 200).json()
    refund(api, other, 300)

    listed = api.get("/v1/refunds", transaction=transaction["id"]).json()
    expanded = api.get(f"/v1/transactions/{transaction['id']}", **{"expand[]": "refunds"}).json()

    assert [item["id"] for item in listed["data"]] == [second["id"], first["id"]]
    assert expanded["refunds"]["object"] == "list"
    assert [item["amount"] for item in expanded["refunds"]["data"]] == [200, 100]


def test_refund_shows_its_transaction_when_expanded(api: Api) -> None:
    transaction = api.paid(amount=1000)
    made = refund(api, transaction, 100).json()

    expanded = api.get(f"/v1/refunds/{made['id']}", **{"expand[]": "transaction"}).json()

    assert expanded["transaction"]["id"] == transaction["id"]
    assert expanded["transaction"]["refunded_amount"] == 100


def test_expanding_needs_the_permission_to_read_what_is_expanded(server, merchant, api) -> None:
    transaction = api.paid(customer=api.post("/v1/customers", {"name": "Ada"}).json()["id"])
    key = make_key(merchant.scope(), "transactions:read")
    path = f"{server.url}/v1/transactions/{transaction['id']}"

    for name, permission in (("customer", "customers:read"), ("refunds", "refunds:read")):
        response = httpx.get(
            path, params={"expand[]": name}, headers={"Authorization": f"Bearer {key}"}
        )
        error = api.error(response, 403, "permission_denied")
        assert permission in error["message"]
