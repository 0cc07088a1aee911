"""Authorized payments: captured in full or in part, or released."""

from datetime import UTC, datetime, timedelta

from tests.api_client import Api, new_key
from transactions.models import Transaction
from transactions.services.expire import expire_authorizations


def test_authorized_payment_holds_funds_and_moves_no_money(api: Api) -> None:
    transaction = api.paid(capture=False, amount=1000)

    assert transaction["status"] == "authorized"
    assert transaction["captured_amount"] is None
    assert transaction["fee_amount"] == 0
    assert transaction["net_amount"] == 1000
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


def test_full_capture_takes_all(api: Api) -> None:
    transaction = api.paid(capture=False, amount=1000)

    response = api.post(f"/v1/transactions/{transaction['id']}/capture")

    assert response.status_code == 200
    captured = response.json()
    assert captured["status"] == "succeeded"
    assert captured["captured_amount"] == 1000
    assert captured["fee_amount"] == 59
    assert captured["net_amount"] == 941
    assert api.balance()["pending"] == 941


def test_partial_capture_releases_the_rest_for_good(api: Api) -> None:
    transaction = api.paid(capture=False, amount=1000)
    path = f"/v1/transactions/{transaction['id']}/capture"

    captured = api.post(path, {"amount": 600}).json()

    assert captured["captured_amount"] == 600
    assert captured["fee_amount"] == 47
    assert captured["net_amount"] == 553
    assert api.balance()["pending"] == 553
    api.error(api.post(path, {"amount": 400}), 409, "transaction_state_invalid")


def test_more_than_authorized_is_not_captured(api: Api) -> None:
    transaction = api.paid(capture=False, amount=1000)

    response = api.post(f"/v1/transactions/{transaction['id']}/capture", {"amount": 1001})

    assert api.error(response, 409, "amount_exceeds_capturable")["param"] == "amount"
    assert api.transaction(transaction["id"])["status"] == "authorized"


def test_cancelled_payment_is_released(api: Api) -> None:
    transaction = api.paid(capture=False)

    response = api.post(f"/v1/transactions/{transaction['id']}/cancel")

    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


def test_captured_payment_is_not_cancelled_nor_captured_again(api: Api) -> None:
    transaction = api.paid()
    path = f"/v1/transactions/{transaction['id']}"

    api.error(api.post(f"{path}/cancel"), 409, "transaction_state_invalid")
    api.error(api.post(f"{path}/capture"), 409, "transaction_state_invalid")
    assert api.transaction(transaction["id"]) == transaction


def test_capture_is_replayed_under_its_key(api: Api) -> None:
    transaction = api.paid(capture=False, amount=1000)
    path = f"/v1/transactions/{transaction['id']}/capture"
    key = new_key()

    first = api.post(path, {"amount": 600}, key=key)
    second = api.post(path, {"amount": 600}, key=key)

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    api.error(api.post(path, {"amount": 500}, key=key), 400, "idempotency_key_reused")


def test_refused_capture_is_replayed_too(api: Api) -> None:
    transaction = api.paid()
    path = f"/v1/transactions/{transaction['id']}/capture"
    key = new_key()

    first = api.post(path, key=key)
    api.error(first, 409, "transaction_state_invalid")
    assert "Idempotent-Replayed" not in first.headers
    replayed = api.post(path, key=key)

    assert replayed.status_code == 409
    assert replayed.headers["Idempotent-Replayed"] == "true"


def test_another_merchants_payment_does_not_exist(api: Api, other_api: Api) -> None:
    path = f"/v1/transactions/{other_api.paid(capture=False)['id']}"

    api.error(api.get(path), 404, "resource_missing")
    api.error(api.post(f"{path}/capture"), 404, "resource_missing")
    api.error(api.post(f"{path}/cancel"), 404, "resource_missing")


def test_authorization_past_its_time_is_released(api: Api) -> None:
    transaction = api.paid(capture=False)
    fresh = api.paid(capture=False)
    Transaction.objects.filter(pk=transaction["id"]).update(
        authorization_expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )

    expire_authorizations()

    assert api.transaction(transaction["id"])["status"] == "cancelled"
    assert api.transaction(fresh["id"])["status"] == "authorized"
    timeline = api.get(f"/v1/transactions/{transaction['id']}/timeline").json()["data"]
    assert timeline[-1]["status"] == "cancelled"
    assert timeline[-1]["cause"]["type"] == "system"
