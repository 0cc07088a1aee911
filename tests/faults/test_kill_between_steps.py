"""Kill -9 of the web process between each pair of steps: nothing lost, nothing done twice.

Each act (payment, capture, cancel, refund) dies before the gateway is called, after it has acted,
and after our commit but before the answer is sent. The client then does what a client does: it
sends the same request again under the same key. Table: docs/faults.md.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.db.models.functions import Now

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from disputes.services.resolve_refunds import resolve_refunds
from payments_project.models import IdempotencyKey
from tests.api_client import Api, new_key
from tests.faults.crashing_wsgi import AFTER_COMMIT, AFTER_GATEWAY, BEFORE_GATEWAY
from tests.merchants.making import MadeMerchant, client_of
from tests.server import Server, start_server
from transactions.balances import fold_balances
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import GatewayOperation, SimulatorCharge, SimulatorRefund, Transaction
from transactions.services.resolve import resolve_unknown_outcomes


@dataclass
class MortalApi(Api):
    """A client that knows its server, to have it started again."""

    server: Server


POINTS = [BEFORE_GATEWAY, AFTER_GATEWAY, AFTER_COMMIT]


@pytest.fixture(scope="module")
def mortal_server(django_db_setup: None) -> Iterator[Server]:
    """A server that dies on demand and is started again by its supervisor, as in production."""
    # A lease that outlasts the restart, so that a retry within it can be seen.
    with start_server(
        application="tests.faults.crashing_wsgi:application", GATEWAY_TIMEOUT_SECONDS="60"
    ) as running:
        yield running


@pytest.fixture
def mortal(mortal_server: Server, merchant: MadeMerchant) -> Iterator[MortalApi]:
    with client_of(mortal_server, merchant, "test") as client:
        yield MortalApi(client.scope, client.key, client.http, mortal_server)


def send_and_die(api: MortalApi, path: str, body: dict[str, object], *, key: str, at: str) -> None:
    """Sends a request whose process is killed at a point; returns when the server is back."""
    with pytest.raises(httpx.TransportError):
        api.http.post(path, json=body, headers={"Idempotency-Key": key, "Crash-At": at})
    api.server.start_again()


def end_lease(key: str) -> None:
    """Moves the end of a key's lease to now: the minute that a client would wait."""
    IdempotencyKey.objects.filter(key=key, recovery_point="started").update(locked_until=Now())


def wait_for_lease() -> None:
    """The resolver runs in this process, whose leases are short."""
    time.sleep(gateway_lease_seconds() + 0.3)


def books_balance() -> None:
    fold_balances()
    assert audit_books() == []


@pytest.mark.parametrize("at", POINTS)
def test_payment_is_completed_by_the_retry(mortal: MortalApi, at: str) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": mortal.card()}
    key = new_key()

    send_and_die(mortal, "/v1/transactions", body, key=key, at=at)
    early = mortal.post("/v1/transactions", body, key=key)
    end_lease(key)
    late = mortal.post("/v1/transactions", body, key=key)

    (transaction,) = Transaction.objects.filter(payment_method_token=body["payment_method"])
    if at == AFTER_COMMIT:
        assert early.status_code == late.status_code == 201
        assert early.json() == late.json()
    else:
        mortal.error(early, 409, "idempotency_key_in_use")
        assert int(early.headers["Retry-After"]) >= 1
    if at == BEFORE_GATEWAY:
        error = mortal.error(late, 503, "gateway_unavailable")
        assert error["transaction"]["id"] == str(transaction.pk)
        assert transaction.status == "failed"
        assert SimulatorCharge.objects.get(reference=transaction.pk).status == "voided"
    else:
        assert late.status_code == 201
        assert late.json()["id"] == str(transaction.pk)
        assert transaction.status == "succeeded"
        charge = SimulatorCharge.objects.get(reference=transaction.pk)
        assert (charge.status, charge.captured_amount) == ("captured", 1000)
    again = mortal.post("/v1/transactions", body, key=key)
    assert again.json() == late.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    books_balance()


@pytest.mark.parametrize("at", [BEFORE_GATEWAY, AFTER_GATEWAY])
def test_payment_is_completed_by_the_resolver_where_nobody_retries(
    mortal: MortalApi, at: str
) -> None:
    token = mortal.card()
    body = {"amount": 1000, "currency": "USD", "payment_method": token}

    send_and_die(mortal, "/v1/transactions", body, key=new_key(), at=at)
    assert Transaction.objects.get(payment_method_token=token).status == "pending"
    wait_for_lease()
    resolve_unknown_outcomes()

    expected = "failed" if at == BEFORE_GATEWAY else "succeeded"
    assert Transaction.objects.get(payment_method_token=token).status == expected
    books_balance()


@pytest.mark.parametrize("act", ["capture", "cancel"])
@pytest.mark.parametrize("at", POINTS)
def test_act_on_an_authorization_is_completed_by_the_retry(
    mortal: MortalApi, act: str, at: str
) -> None:
    transaction = mortal.paid(amount=1000, capture=False)
    path = f"/v1/transactions/{transaction['id']}/{act}"
    body = {"amount": 600} if act == "capture" else {}
    key = new_key()

    send_and_die(mortal, path, body, key=key, at=at)
    early = mortal.post(path, body, key=key)
    end_lease(key)
    late = mortal.post(path, body, key=key)

    after = mortal.transaction(transaction["id"])
    if at == AFTER_COMMIT:
        assert early.status_code == 200
    else:
        mortal.error(early, 409, "idempotency_key_in_use")
    if at == BEFORE_GATEWAY and act == "capture":
        mortal.error(late, 503, "gateway_unavailable")
        assert after["status"] == "authorized"
        assert mortal.post(path, body, key=new_key()).status_code == 200
    else:
        # A void that was not carried out is asked for again: it can't do anything twice.
        assert late.status_code == 200
        assert after["status"] == ("succeeded" if act == "capture" else "cancelled")
        assert after["captured_amount"] == (600 if act == "capture" else None)
    assert not GatewayOperation.objects.filter(
        transaction_id=transaction["id"], status="pending"
    ).exists()
    books_balance()


@pytest.mark.parametrize("at", POINTS)
def test_refund_is_completed_by_the_retry(mortal: MortalApi, at: str) -> None:
    transaction = mortal.paid(amount=1000)
    body = {"transaction": transaction["id"], "amount": 400}
    key = new_key()

    send_and_die(mortal, "/v1/refunds", body, key=key, at=at)
    early = mortal.post("/v1/refunds", body, key=key)
    end_lease(key)
    late = mortal.post("/v1/refunds", body, key=key)

    if at == AFTER_COMMIT:
        assert early.status_code == 201
    else:
        mortal.error(early, 409, "idempotency_key_in_use")
    (refund,) = Refund.objects.filter(transaction_id=transaction["id"])
    refunded = 0 if at == BEFORE_GATEWAY else 400
    if at == BEFORE_GATEWAY:
        mortal.error(late, 503, "gateway_unavailable")
        assert refund.status == "failed"
    else:
        assert late.status_code == 201
        assert late.json()["status"] == refund.status == "succeeded"
    assert mortal.transaction(transaction["id"])["refunded_amount"] == refunded
    made = SimulatorRefund.objects.get(charge_id=transaction["id"])
    assert (made.status, made.amount) == (("succeeded", 400) if refunded else ("barred", 0))
    books_balance()


def test_refund_is_completed_by_the_resolver_where_nobody_retries(mortal: MortalApi) -> None:
    transaction = mortal.paid(amount=1000)
    body = {"transaction": transaction["id"], "amount": 400}

    send_and_die(mortal, "/v1/refunds", body, key=new_key(), at=AFTER_GATEWAY)
    wait_for_lease()
    resolve_refunds()

    assert Refund.objects.get(transaction_id=transaction["id"]).status == "succeeded"
    books_balance()
