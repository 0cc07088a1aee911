"""Payments whose gateway did not answer: settled by asking it, once its lease is over."""

import time

from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import SimulatorCharge
from transactions.services.resolve import resolve_unknown_outcomes


def wait_for_lease() -> None:
    time.sleep(gateway_lease_seconds() + 0.2)


def test_nothing_is_asked_during_the_lease(api: Api) -> None:
    transaction = api.paid("4000000000006009")

    resolve_unknown_outcomes()

    assert api.transaction(transaction["id"])["status"] == "pending"


def test_charge_behind_a_timeout_is_found(api: Api) -> None:
    transaction = api.paid("4000000000006009", amount=1000)
    wait_for_lease()

    resolve_unknown_outcomes()
    resolve_unknown_outcomes()

    settled = api.transaction(transaction["id"])
    assert settled["status"] == "succeeded"
    assert settled["captured_amount"] == 1000
    assert settled["fee_amount"] == 59
    assert api.balance()["pending"] == 941
    timeline = api.get(f"/v1/transactions/{transaction['id']}/timeline").json()["data"]
    assert [step["status"] for step in timeline] == ["pending", "succeeded"]
    assert timeline[1]["cause"]["type"] == "system"


def test_charge_that_never_arrived_is_barred_and_fails(api: Api) -> None:
    transaction = api.paid("4000000000006017", amount=1000)
    wait_for_lease()

    resolve_unknown_outcomes()

    settled = api.transaction(transaction["id"])
    assert settled["status"] == "failed"
    assert settled["failure"]["code"] == "gateway_unavailable"
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}
    assert SimulatorCharge.objects.get(reference=transaction["id"]).status == "voided"


def test_authorization_behind_a_timeout_can_be_captured(api: Api) -> None:
    transaction = api.paid("4000000000006009", capture=False)
    wait_for_lease()
    resolve_unknown_outcomes()
    assert api.transaction(transaction["id"])["status"] == "authorized"

    response = api.post(f"/v1/transactions/{transaction['id']}/capture")

    assert response.json()["status"] == "succeeded"


def test_capture_confirmed_later_moves_the_money_then(api: Api) -> None:
    transaction = api.paid("4000000000006033", amount=1000)
    assert transaction["status"] == "captured"
    assert api.balance()["pending"] == 0

    deliver_gateway_messages()

    assert api.transaction(transaction["id"])["status"] == "succeeded"
    assert api.balance()["pending"] == 941


def test_authorization_whose_capture_is_confirmed_later_moves_the_money_then(api: Api) -> None:
    held = api.paid("4000000000006033", amount=1000, capture=False)
    assert held["status"] == "authorized"

    captured = api.post(f"/v1/transactions/{held['id']}/capture", {"amount": 600}).json()

    assert (captured["status"], captured["captured_amount"]) == ("captured", 600)
    assert api.balance()["pending"] == 0
    deliver_gateway_messages()
    assert api.transaction(held["id"])["status"] == "succeeded"
    assert api.balance()["pending"] == 600 - 47


def test_message_sent_twice_moves_the_money_once(api: Api) -> None:
    from django.db import connection

    api.paid("4000000000006033", amount=1000)
    deliver_gateway_messages()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE gateway_simulator_callbacks SET sent_at = NULL, due_at = now()")

    deliver_gateway_messages()

    assert api.balance()["pending"] == 941
