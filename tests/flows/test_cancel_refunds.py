"""Cancelling a pending refund: only where its gateway can promise that it is not paid."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from disputes.services.cancel_refund import cancel_refund
from disputes.services.resolve_refunds import resolve_refunds
from payments_project.actor import SYSTEM
from payments_project.errors import ServiceError, Unavailable
from payments_project.events.models import Event
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api, new_key
from tests.gateway_messages import deliver_gateway_messages, forget_contradictions, told
from tests.merchants.making import MadeMerchant, make_key
from tests.server import Server
from tests.threads import at_once
from tests.transactions.gateway_doubles import scripted
from transactions.balances import fold_balances
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import SimulatorCallback, SimulatorRefund

PENDING_THEN_SUCCEEDED = "4000000000007726"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget_contradictions()


def pending(api: Api, amount: int = 1000) -> dict[str, Any]:
    """A refund that the simulator has taken and not paid out yet."""
    payment = api.paid(PENDING_THEN_SUCCEEDED, amount=1000)
    refund = api.post("/v1/refunds", {"transaction": payment["id"], "amount": amount}).json()
    assert refund["status"] == "pending"
    return dict(refund)


def cancelled(api: Api, refund: dict[str, Any], **more: Any) -> httpx.Response:
    return api.post(f"/v1/refunds/{refund['id']}/cancel", **more)


def types_of(refund: dict[str, Any]) -> list[str]:
    events = Event.objects.filter(aggregateid=refund["id"]).order_by("sequence")
    return [event.type for event in events]


def test_a_pending_refund_is_called_off(api: Api) -> None:
    refund = pending(api, 600)
    key = new_key()

    first, second = cancelled(api, refund, key=key), cancelled(api, refund, key=key)
    deliver_gateway_messages()

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert first.json()["processed_at"] is not None
    assert second.content == first.content
    assert types_of(refund) == ["refund.created", "refund.cancelled"]
    payment = api.transaction(refund["transaction"])
    assert (payment["status"], payment["refunded_amount"]) == ("succeeded", 0)
    assert api.balance() == {"pending": 941, "available": 0, "reserved": 0}
    assert SimulatorRefund.objects.get(reference=refund["id"]).status == "barred"
    again = api.post("/v1/refunds", {"transaction": refund["transaction"], "amount": 1000})
    assert again.status_code == 201
    fold_balances()
    deliver_gateway_messages()
    assert audit_books() == []


def test_what_is_settled_is_not_called_off(api: Api) -> None:
    succeeded = api.post("/v1/refunds", {"transaction": api.paid()["id"]}).json()
    off = pending(api)
    cancelled(api, off)

    for refund in (succeeded, off):
        before = api.get(f"/v1/refunds/{refund['id']}").json()
        api.error(cancelled(api, refund), 409, "refund_state_invalid")
        assert api.get(f"/v1/refunds/{refund['id']}").json() == before


def test_what_the_gateway_has_paid_out_is_not_called_off(api: Api) -> None:
    """Its message is on its way: the gateway knows better than our record."""
    refund = pending(api)
    SimulatorRefund.objects.filter(reference=refund["id"]).update(status="succeeded")

    api.error(cancelled(api, refund), 409, "refund_state_invalid")

    assert api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "pending"
    assert Refund.objects.get(pk=refund["id"]).cancel_requested_at is None
    deliver_gateway_messages()
    assert api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "succeeded"
    fold_balances()
    assert audit_books() == []


def test_a_cancellation_and_the_gateway_s_message_at_once_agree(api: Api) -> None:
    """Whichever is first at the gateway, both sides end with the same, and no cent is wrong."""
    refunds = [pending(api) for _ in range(6)]
    SimulatorCallback.objects.filter(sent_at=None).update(due_at=datetime.now(UTC))

    def both(number: int) -> None:
        if number % 2:
            deliver_gateway_messages()
        else:
            for refund in refunds:
                cancelled(api, refund)

    at_once(4, both)
    deliver_gateway_messages()

    for refund in refunds:
        ours = api.get(f"/v1/refunds/{refund['id']}").json()["status"]
        theirs = SimulatorRefund.objects.get(reference=refund["id"]).status
        assert (ours, theirs) in {("cancelled", "barred"), ("succeeded", "succeeded")}
    fold_balances()
    assert audit_books() == []


def cancel_by_service(refund: dict[str, Any]) -> Refund:
    return cancel_refund(
        scope=None,
        refund_id=UUID(refund["id"]),
        actor=SYSTEM,
        claim=None,
        replies=NoReplies(),
    )


def test_a_cancellation_whose_answer_is_unknown_is_asked_for_again(api: Api, settings: Any) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    refund = pending(api)
    unknown, unreachable = GatewayResult(Outcome.UNKNOWN), GatewayResult(Outcome.UNAVAILABLE)

    with scripted(refund["transaction"], bar_refund=[unknown, unreachable]) as gateway:
        assert cancel_by_service(refund).status == "pending"
        resolve_refunds()
        assert Refund.objects.get(pk=refund["id"]).status == "pending"
        assert gateway.asked == ["bar_refund"] * 2
    resolve_refunds()

    assert api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "cancelled"
    deliver_gateway_messages()
    fold_balances()
    assert audit_books() == []


def test_a_cancellation_that_did_not_reach_the_gateway_changes_nothing(api: Api) -> None:
    refund = pending(api)

    with (
        scripted(refund["transaction"], bar_refund=[GatewayResult(Outcome.UNAVAILABLE)]),
        pytest.raises(Unavailable),
    ):
        cancel_by_service(refund)

    row = Refund.objects.get(pk=refund["id"])
    assert (row.status, row.cancel_requested_at) == ("pending", None)
    deliver_gateway_messages()


def test_a_gateway_that_can_not_bar_leaves_it_pending(api: Api) -> None:
    refund = pending(api)

    with (
        scripted(refund["transaction"], bar_refund=[GatewayResult(Outcome.DECLINED)]),
        pytest.raises(ServiceError) as refusal,
    ):
        cancel_by_service(refund)

    assert refusal.value.code == "refund_state_invalid"
    assert Refund.objects.get(pk=refund["id"]).status == "pending"
    deliver_gateway_messages()


def test_a_payment_of_what_was_called_off_is_a_contradiction(api: Api) -> None:
    refund = pending(api)
    cancelled(api, refund)

    message = told("refund.succeeded", refund=refund["id"])

    assert message.outcome == "contradiction: refund is cancelled, the gateway says it was paid"
    assert api.get(f"/v1/refunds/{refund['id']}").json()["status"] == "cancelled"
    assert api.balance()["available"] == 0


def test_a_dead_process_s_cancellation_is_resumed_by_its_key(api: Api) -> None:
    from payments_project.idempotency.models import IdempotencyKey

    refund = pending(api)
    key = new_key()
    first = cancelled(api, refund, key=key)
    IdempotencyKey.objects.filter(key=key).update(
        recovery_point="started", response_status=None, response_body=None,
        locked_until=datetime.now(UTC) - timedelta(seconds=1),
    )  # fmt: skip

    assert cancelled(api, refund, key=key).json() == first.json()
    assert types_of(refund).count("refund.cancelled") == 1


def test_others_cancel_nothing(
    api: Api, other_api: Api, server: Server, merchant: MadeMerchant
) -> None:
    refund = pending(api)
    other_api.error(cancelled(other_api, refund), 404, "resource_missing")
    headers = {"Authorization": f"Bearer {make_key(merchant.scope(), 'refunds:read')}"}
    response = httpx.post(f"{server.url}/v1/refunds/{refund['id']}/cancel", headers=headers)
    api.error(response, 403, "permission_denied")
    deliver_gateway_messages()
