"""Acts whose outcome can't be written, or was settled by somebody else first.

The product's views in this process, before the simulator, whose calls a test makes fail: after it
has acted, as a gateway does, or without.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from disputes.services.resolve_refunds import resolve_refunds
from payments_project.models import IdempotencyKey
from tests.api_client import Api, new_key
from tests.schema.rows import OWNER, connect
from transactions.balances import fold_balances
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.simulator.gateway import SimulatorGateway
from transactions.models import GatewayOperation, SimulatorRefund
from transactions.services.resolve import resolve_unknown_outcomes

REPLAYED = "Idempotent-Replayed"


@dataclass(frozen=True)
class Act:
    """An act on a payment: the gateway's call, and what is answered while its outcome is open."""

    call: str
    is_refund: bool
    status_code: int
    pending: str
    done: str

    def begin(self, api: Api) -> tuple[str, str, dict[str, Any]]:
        """A payment, and the path and body of the act on it."""
        payment: str = api.paid(amount=1000, capture=self.is_refund)["id"]
        if self.is_refund:
            return payment, "/v1/refunds", {"transaction": payment, "amount": 300}
        path = f"/v1/transactions/{payment}/{'capture' if self.call == 'capture' else 'cancel'}"
        return payment, path, {"amount": 600} if self.call == "capture" else {}

    def is_open(self, payment: str) -> bool:
        rows = Refund.objects if self.is_refund else GatewayOperation.objects
        return rows.filter(transaction_id=payment, status="pending").exists()


ACTS = {
    "refund": Act("refund", True, 201, "pending", "succeeded"),
    "capture": Act("capture", False, 200, "authorized", "succeeded"),
    "cancel": Act("void", False, 200, "authorized", "cancelled"),
}
each_act = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


def send(api: Api, path: str, body: dict[str, Any], *, key: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {api.key}"} | ({"Idempotency-Key": key} if key else {})
    return Client(raise_request_exception=False).post(
        path, body, content_type="application/json", headers=headers
    )


def end_lease(key: str) -> None:
    IdempotencyKey.objects.filter(key=key, recovery_point="started").update(locked_until=Now())


def raises(_payment: str) -> GatewayResult:
    raise ConnectionResetError("the adapter's connection was reset")


def breaks_its_contract(_payment: str) -> Any:
    return None


@contextmanager
def failing_after(
    monkeypatch: pytest.MonkeyPatch, call: str, payment: str, fail: Callable[[str], Any]
) -> Iterator[None]:
    """The simulator does what it is asked, and its answer is lost."""
    act = getattr(SimulatorGateway, call)

    def acting(self: SimulatorGateway, **kwargs: Any) -> Any:
        act(self, **kwargs)
        return fail(payment)

    with monkeypatch.context() as patch:
        patch.setattr(SimulatorGateway, call, acting)
        yield


def is_told_as_pending_and_found_by_the_retry(
    api: Api, act: Act, payment: str, response: Any, retry: Callable[[], Any], key: str
) -> None:
    assert (response.status_code, response.json()["status"]) == (act.status_code, act.pending)
    assert REPLAYED not in response.headers
    assert act.is_open(payment)
    assert IdempotencyKey.objects.get(key=key).recovery_point == "started"
    api.error(retry(), 409, "idempotency_key_in_use")
    end_lease(key)
    found = retry()
    assert (found.status_code, found.json()["status"]) == (act.status_code, act.done)
    assert found.json()["id"] == response.json()["id"]
    assert REPLAYED not in found.headers
    assert retry().headers[REPLAYED] == "true"
    assert SimulatorRefund.objects.filter(charge_id=payment).count() == act.is_refund
    fold_balances()
    assert audit_books() == []


@each_act
@pytest.mark.parametrize("fail", [raises, breaks_its_contract])
def test_act_whose_answer_is_lost_is_told_as_pending_never_as_an_error(
    api: Api, monkeypatch: pytest.MonkeyPatch, act: Act, fail: Callable[[str], Any]
) -> None:
    payment, path, body = act.begin(api)
    key = new_key()

    with failing_after(monkeypatch, act.call, payment, fail):
        response = send(api, path, body, key=key)

    is_told_as_pending_and_found_by_the_retry(
        api, act, payment, response, lambda: send(api, path, body, key=key), key
    )


@each_act
def test_act_whose_row_is_held_by_another_is_told_as_pending(
    api: Api, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    payment, path, body = act.begin(api)
    key = new_key()
    acted = getattr(SimulatorGateway, act.call)

    with connect(OWNER) as holder, monkeypatch.context() as patch:

        def acting(self: SimulatorGateway, **kwargs: Any) -> GatewayResult:
            result: GatewayResult = acted(self, **kwargs)
            holder.execute("SELECT 1 FROM transactions WHERE id = %s FOR UPDATE", [payment])
            return result

        patch.setattr(SimulatorGateway, act.call, acting)
        with impatient():
            response = send(api, path, body, key=key)
        holder.rollback()

    is_told_as_pending_and_found_by_the_retry(
        api, act, payment, response, lambda: send(api, path, body, key=key), key
    )


@contextmanager
def impatient() -> Iterator[None]:
    """This thread's connection waits for no lock longer than a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def test_refund_without_a_key_is_not_said_to_be_worth_a_second_try(
    api: Api, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The client learns the refund's id, what is reserved for it stays so, and the resolver asks."""
    payment, path, body = ACTS["refund"].begin(api)

    with failing_after(monkeypatch, "refund", payment, raises):
        response = send(api, path, body)

    assert (response.status_code, response.json()["status"]) == (201, "pending")
    assert api.transaction(payment)["refunded_amount"] == 300
    address = f"{path}/{response.json()['id']}"
    assert api.get(address).json() == response.json()
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    resolve_refunds()
    assert api.get(address).json()["status"] == "succeeded"
    assert api.transaction(payment)["refunded_amount"] == 300


def assert_refused_then_replayed(api: Api, first: Any, second: Any) -> None:
    """A plain refusal at first; the same words, as a reply that stays what it is, after."""
    api.error(first, 503, "gateway_unavailable")
    assert REPLAYED not in first.headers
    assert first.headers["Retry-After"] == "10"
    assert (second.status_code, second.content) == (503, first.content)
    assert second.headers[REPLAYED] == "true"
    assert "Retry-After" not in second.headers


@each_act
def test_refusal_by_the_gateway_is_plain_at_first_and_a_replay_after(
    api: Api, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    payment, path, body = act.begin(api)
    key = new_key()
    away = GatewayResult(Outcome.UNAVAILABLE)
    monkeypatch.setattr(SimulatorGateway, act.call, lambda self, **kwargs: away)

    first = send(api, path, body, key=key)
    second = send(api, path, body, key=key)

    assert_refused_then_replayed(api, first, second)
    assert not act.is_open(payment)


@pytest.mark.parametrize("act", [ACTS["capture"], ACTS["refund"]], ids=["capture", "refund"])
def test_act_that_the_resolver_failed_is_refused_under_its_key_without_asking(
    api: Api, monkeypatch: pytest.MonkeyPatch, settings: Any, act: Act
) -> None:
    payment, path, body = act.begin(api)
    key = new_key()
    with monkeypatch.context() as patch:
        patch.setattr(SimulatorGateway, act.call, lambda self, **kwargs: raises(payment))
        assert send(api, path, body, key=key).status_code == act.status_code
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    resolve_unknown_outcomes()
    resolve_refunds()
    assert not act.is_open(payment)
    end_lease(key)

    with monkeypatch.context() as patch:
        for call in ("lookup", "lookup_refund", act.call):
            patch.setattr(SimulatorGateway, call, lambda self, **kwargs: pytest.fail("asked"))
        first = send(api, path, body, key=key)
        second = send(api, path, body, key=key)

    assert_refused_then_replayed(api, first, second)
    assert api.transaction(payment)["refunded_amount"] == 0
    assert api.transaction(payment)["status"] == ("succeeded" if act.is_refund else "authorized")
