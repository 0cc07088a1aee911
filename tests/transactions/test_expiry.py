"""Authorizations that nobody captures in time are released, at the gateway first."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from payments_project.models import Event
from tests.api_client import Api
from tests.threads import at_once
from tests.transactions.gateway_doubles import UNKNOWN, scripted
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import GatewayOperation, SimulatorCharge, Transaction
from transactions.services.expire import expire_authorizations


def authorized(api: Api, *, expired: bool) -> str:
    transaction: str = api.paid(amount=1000, capture=False)["id"]
    if expired:
        Transaction.objects.filter(pk=transaction).update(
            authorization_expires_at=datetime.now(UTC) - timedelta(seconds=1)
        )
    return transaction


def status(api: Api, transaction: str) -> str:
    found: str = api.transaction(transaction)["status"]
    return found


def test_authorization_is_valid_for_as_long_as_the_settings_say(api: Api) -> None:
    row = Transaction.objects.get(pk=authorized(api, expired=False))

    valid = row.authorization_expires_at - row.created_at
    assert abs(valid - timedelta(days=settings.AUTHORIZATION_VALID_DAYS)) < timedelta(seconds=10)


def test_expired_one_is_released_at_the_gateway_and_the_fresh_one_is_left(api: Api) -> None:
    expired, fresh = authorized(api, expired=True), authorized(api, expired=False)

    assert expire_authorizations() >= 1

    assert status(api, expired) == "cancelled"
    assert SimulatorCharge.objects.get(reference=expired).status == "voided"
    assert status(api, fresh) == "authorized"
    assert SimulatorCharge.objects.get(reference=fresh).status == "authorized"
    (operation,) = GatewayOperation.objects.filter(transaction_id=expired)
    assert (operation.kind, operation.status, operation.cause) == ("void", "succeeded", "expired")


def test_captured_payment_does_not_expire(api: Api) -> None:
    transaction = authorized(api, expired=True)
    api.post(f"/v1/transactions/{transaction}/capture")

    expire_authorizations()

    assert status(api, transaction) == "succeeded"


def test_expired_payment_can_not_be_captured(api: Api) -> None:
    transaction = authorized(api, expired=True)
    expire_authorizations()

    response = api.post(f"/v1/transactions/{transaction}/capture")

    api.error(response, 409, "transaction_state_invalid")


def test_expiring_twice_is_expiring_once(api: Api) -> None:
    transaction = authorized(api, expired=True)
    expire_authorizations()

    assert expire_authorizations() == 0

    assert GatewayOperation.objects.filter(transaction_id=transaction).count() == 1


@pytest.mark.usefixtures("runs_at_once")
def test_many_beats_at_once_expire_each_once(api: Api) -> None:
    transactions = [authorized(api, expired=True) for _ in range(4)]

    cancelled = at_once(4, lambda _: expire_authorizations())

    assert sum(cancelled) == 4
    for transaction in transactions:
        events = Event.objects.filter(aggregateid=transaction).order_by("sequence")
        assert [event.type for event in events] == [
            "transaction.created",
            "transaction.authorized",
            "transaction.cancelled",
        ]


def test_payment_with_a_capture_under_way_is_left_to_it(api: Api) -> None:
    transaction = authorized(api, expired=True)
    capture = GatewayOperation.objects.create(
        transaction_id=transaction, kind="capture", amount=1000, actor_kind="system"
    )

    expire_authorizations()

    assert status(api, transaction) == "authorized"
    capture.delete()
    assert expire_authorizations() == 1
    assert status(api, transaction) == "cancelled"


@pytest.mark.parametrize("outcome", [Outcome.UNAVAILABLE, Outcome.DECLINED])
def test_void_that_the_gateway_refused_is_tried_again_by_the_next_run(
    api: Api, outcome: Outcome
) -> None:
    transaction = authorized(api, expired=True)

    with scripted(transaction, void=[GatewayResult(outcome)]) as gateway:
        assert expire_authorizations() == 0
        assert status(api, transaction) == "authorized"

    assert gateway.asked == ["void"]
    assert expire_authorizations() == 1
    assert status(api, transaction) == "cancelled"


def test_adapter_that_breaks_down_does_not_stop_the_others(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = authorized(api, expired=True), authorized(api, expired=True)

    with scripted(broken, void=[None]):
        assert expire_authorizations() == 1

    assert (status(api, broken), status(api, sound)) == ("authorized", "cancelled")
    assert any(f"of transaction {broken} could not be written" in told for told in caplog.messages)
    GatewayOperation.objects.filter(transaction_id=broken).delete()
    assert expire_authorizations() == 1


def test_void_that_was_not_answered_waits_for_the_resolver(api: Api) -> None:
    transaction = authorized(api, expired=True)

    with scripted(transaction, void=[UNKNOWN]) as gateway:
        assert expire_authorizations() == 0
        assert expire_authorizations() == 0

    assert gateway.asked == ["void"]
    (operation,) = GatewayOperation.objects.filter(transaction_id=transaction)
    assert operation.status == "pending"
    operation.delete()
