"""The resolver: asks after the lease, believes only an explicit answer, and never sends again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from disputes.services.resolve_refunds import resolve_refunds
from payments_project.models import Event
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.threads import at_once
from tests.transactions.gateway_doubles import UNKNOWN, scripted
from transactions.balances import fold_balances
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import (
    GatewayOperation,
    LedgerEntry,
    SimulatorCallback,
    SimulatorCharge,
    SimulatorRefund,
)
from transactions.services.resolve import resolve_unknown_outcomes

CHARGED_THEN_SILENT = "4000000000006009"
NOT_CHARGED = "4000000000006017"
NOT_FOUND = GatewayResult(Outcome.NOT_FOUND)
BARRED = GatewayResult(Outcome.SUCCEEDED)
REFUSED = GatewayResult(Outcome.DECLINED)
AWAY = GatewayResult(Outcome.UNAVAILABLE)


def charged(amount: int) -> GatewayResult:
    return GatewayResult(Outcome.SUCCEEDED, gateway_id="g_1", captured_amount=amount)


@pytest.fixture
def _no_lease(settings: Any) -> None:
    """Every lease is over at once, for the resolver that runs in this process."""
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1


def unanswered(api: Api, number: str = CHARGED_THEN_SILENT, **more: object) -> str:
    """A payment whose outcome is unknown."""
    transaction = api.paid(number, amount=1000, **more)
    assert transaction["status"] == "pending"
    identity: str = transaction["id"]
    return identity


def unanswered_act(api: Api, kind: str, amount: int) -> GatewayOperation:
    """A capture or void whose process died after committing its intent."""
    transaction = api.paid(amount=1000, capture=False)
    return GatewayOperation.objects.create(
        transaction_id=transaction["id"], kind=kind, amount=amount, actor_kind="system"
    )


def unanswered_refund(api: Api) -> tuple[str, str]:
    """A payment and a refund on it whose gateway did not answer, as its process left it."""
    transaction = api.paid("4000000000007726", amount=1000)["id"]
    refund = api.post("/v1/refunds", {"transaction": transaction, "amount": 400}).json()["id"]
    Refund.objects.filter(pk=refund).update(awaits_gateway=False)
    return transaction, refund


def never_arrived(refund: str) -> None:
    """The refund's call was lost on its way: the simulator neither made it nor will tell of it."""
    SimulatorRefund.objects.filter(reference=refund).delete()
    SimulatorCallback.objects.filter(message__data__refund=refund).delete()


def types_of(transaction_id: str) -> list[str]:
    events = Event.objects.filter(aggregateid=transaction_id).order_by("sequence")
    return [event.type for event in events]


def test_nothing_is_asked_within_the_lease(api: Api) -> None:
    transaction = unanswered(api)
    operation = unanswered_act(api, "capture", 600)

    with scripted(transaction) as gateway:
        resolve_unknown_outcomes()

    assert gateway.asked == []
    operation.refresh_from_db()
    assert operation.status == "pending"
    operation.delete()


@pytest.mark.parametrize("kind", ["capture", "refund"])
def test_lease_begins_when_the_row_is_written(api: Api, kind: str) -> None:
    """A transaction that waited for a lock began long before it; the gateway is asked after."""
    if kind == "capture":
        operation = unanswered_act(api, "capture", 600)
        transaction = str(operation.transaction_id)
    else:
        transaction, refund = unanswered_refund(api)
    began = datetime.now(UTC) - timedelta(minutes=1)
    GatewayOperation.objects.filter(transaction_id=transaction).update(created_at=began)
    Refund.objects.filter(transaction_id=transaction).update(created_at=began)

    with scripted(transaction) as gateway:
        resolve_unknown_outcomes()
        resolve_refunds()

    assert gateway.asked == []
    if kind == "capture":
        operation.delete()
    else:
        SimulatorRefund.objects.filter(reference=refund).update(status="succeeded")
        deliver_gateway_messages()


@pytest.mark.parametrize("answer", ["é" * 1000, "x" * 301])
def test_long_answer_of_a_provider_is_cut_and_the_outcome_kept(api: Api, answer: str) -> None:
    result = GatewayResult(Outcome.DECLINED, gateway_id=answer, decline_code=answer, message=answer)

    assert (result.gateway_id, result.decline_code, result.message) == (
        answer[:100],
        answer[:40],
        answer[:300],
    )


@pytest.mark.usefixtures("_no_lease")
def test_charge_is_never_sent_again(api: Api) -> None:
    transaction = unanswered(api)

    with scripted(transaction, lookup=[charged(1000)]) as gateway:
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup"]
    assert api.transaction(transaction)["status"] == "succeeded"


@pytest.mark.usefixtures("_no_lease")
@pytest.mark.parametrize("answer", [UNKNOWN, AWAY], ids=["silent", "down"])
def test_while_the_gateway_does_not_answer_the_payment_stays_pending(
    api: Api, answer: GatewayResult
) -> None:
    transaction = unanswered(api)

    with scripted(transaction, lookup=[answer, answer, charged(1000)]) as gateway:
        resolve_unknown_outcomes()
        resolve_unknown_outcomes()
        assert api.transaction(transaction)["status"] == "pending"
        assert types_of(transaction) == ["transaction.created"]
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup"] * 3
    assert api.transaction(transaction)["status"] == "succeeded"


@pytest.mark.usefixtures("_no_lease")
def test_charge_not_found_has_failed_only_once_it_is_barred(api: Api) -> None:
    transaction = unanswered(api, NOT_CHARGED)

    with scripted(transaction, lookup=[NOT_FOUND], void=[UNKNOWN, BARRED]) as gateway:
        resolve_unknown_outcomes()
        assert api.transaction(transaction)["status"] == "pending"
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup", "void", "lookup", "void"]
    failed = api.transaction(transaction)
    assert failed["status"] == "failed"
    assert failed["failure"]["code"] == "gateway_unavailable"


@pytest.mark.usefixtures("_no_lease")
def test_charge_that_arrived_between_the_questions_is_found_by_the_next_run(api: Api) -> None:
    transaction = unanswered(api)

    with scripted(transaction, lookup=[NOT_FOUND, charged(1000)], void=[REFUSED]) as gateway:
        resolve_unknown_outcomes()
        assert api.transaction(transaction)["status"] == "pending"
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup", "void", "lookup"]
    assert api.transaction(transaction)["status"] == "succeeded"


@pytest.mark.usefixtures("_no_lease")
def test_gateway_that_breaks_down_does_not_stop_the_others(api: Api) -> None:
    broken = unanswered(api)
    sound = unanswered(api)

    with scripted(broken, lookup=[None]):
        resolve_unknown_outcomes()

    assert api.transaction(broken)["status"] == "pending"
    assert api.transaction(sound)["status"] == "succeeded"
    resolve_unknown_outcomes()
    assert api.transaction(broken)["status"] == "succeeded"


@pytest.mark.usefixtures("_no_lease")
def test_one_run_asks_about_no_more_than_its_batch(api: Api) -> None:
    resolve_unknown_outcomes()
    for _ in range(5):
        unanswered(api)

    assert resolve_unknown_outcomes(batch=2) == {"asked": 2, "settled": 2}
    assert resolve_unknown_outcomes(batch=2) == {"asked": 2, "settled": 2}
    assert resolve_unknown_outcomes(batch=2) == {"asked": 1, "settled": 1}
    assert resolve_unknown_outcomes(batch=2) == {"asked": 0, "settled": 0}
    assert api.balance()["pending"] == 5 * 941


@pytest.mark.usefixtures("_no_lease", "runs_at_once")
def test_resolvers_at_once_settle_payments_and_acts_once(api: Api) -> None:
    payments = [unanswered(api) for _ in range(4)]
    operation = unanswered_act(api, "capture", 600)
    SimulatorCharge.objects.filter(reference=operation.transaction_id).update(
        status="captured", captured_amount=600
    )

    at_once(4, lambda _: resolve_unknown_outcomes())

    for payment in payments:
        assert types_of(payment) == ["transaction.created", "transaction.succeeded"]
    assert types_of(str(operation.transaction_id)) == [
        "transaction.created",
        "transaction.authorized",
        "transaction.succeeded",
    ]
    entries = LedgerEntry.objects.filter(transaction_id=operation.transaction_id)
    assert sorted((entry.type, entry.amount) for entry in entries) == [
        ("fee", 47),
        ("payment", 600),
    ]
    fold_balances()
    assert audit_books() == []


@pytest.mark.usefixtures("_no_lease")
def test_capture_that_never_reached_the_gateway_is_barred_and_leaves_the_authorization(
    api: Api,
) -> None:
    operation = unanswered_act(api, "capture", 1000)

    resolve_unknown_outcomes()

    operation.refresh_from_db()
    assert operation.status == "failed"
    path = f"/v1/transactions/{operation.transaction_id}"
    assert api.get(path).json()["status"] == "authorized"
    charge = SimulatorCharge.objects.get(reference=operation.transaction_id)
    assert charge.barred_captures == [operation.pk]
    assert api.post(f"{path}/capture").json()["status"] == "succeeded"


@pytest.mark.usefixtures("_no_lease")
@pytest.mark.parametrize("answer", [UNKNOWN, AWAY, REFUSED], ids=["silent", "down", "refused"])
def test_capture_not_carried_out_has_failed_only_once_it_is_barred(
    api: Api, answer: GatewayResult
) -> None:
    operation = unanswered_act(api, "capture", 600)
    held = charged(0)

    with scripted(
        str(operation.transaction_id), lookup=[held], bar_capture=[answer, BARRED]
    ) as gateway:
        resolve_unknown_outcomes()
        operation.refresh_from_db()
        assert operation.status == "pending"
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup", "bar_capture"] * 2
    operation.refresh_from_db()
    assert operation.status == "failed"
    assert api.transaction(str(operation.transaction_id))["status"] == "authorized"


@pytest.mark.usefixtures("_no_lease")
def test_capture_of_another_amount_than_ours_is_left_to_a_person(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    operation = unanswered_act(api, "capture", 600)

    with scripted(str(operation.transaction_id), lookup=[charged(700)]) as gateway:
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup"]
    assert f"could not ask about act {operation.pk}" in caplog.messages
    operation.refresh_from_db()
    assert operation.status == "pending"
    operation.delete()


@pytest.mark.usefixtures("_no_lease")
def test_void_that_never_reached_the_gateway_is_asked_for_again(api: Api) -> None:
    operation = unanswered_act(api, "void", 1000)

    resolve_unknown_outcomes()

    operation.refresh_from_db()
    assert operation.status == "succeeded"
    assert api.transaction(str(operation.transaction_id))["status"] == "cancelled"
    charge = SimulatorCharge.objects.get(reference=operation.transaction_id)
    assert charge.status == "voided"


@pytest.mark.usefixtures("_no_lease")
def test_void_asked_for_again_is_settled_by_an_explicit_answer_only(api: Api) -> None:
    operation = unanswered_act(api, "void", 1000)
    transaction = str(operation.transaction_id)

    with scripted(transaction, lookup=[charged(0)], void=[UNKNOWN, AWAY, REFUSED]) as gateway:
        for _ in range(2):
            resolve_unknown_outcomes()
            operation.refresh_from_db()
            assert operation.status == "pending"
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup", "void"] * 3
    operation.refresh_from_db()
    assert operation.status == "failed"
    assert api.transaction(transaction)["status"] == "authorized"


@pytest.mark.usefixtures("_no_lease")
def test_void_that_reached_the_gateway_cancels(api: Api) -> None:
    operation = unanswered_act(api, "void", 1000)
    SimulatorCharge.objects.filter(reference=operation.transaction_id).update(status="voided")

    resolve_unknown_outcomes()

    operation.refresh_from_db()
    assert operation.status == "succeeded"
    assert api.transaction(str(operation.transaction_id))["status"] == "cancelled"


@pytest.mark.usefixtures("_no_lease")
def test_act_stays_pending_while_the_gateway_does_not_answer(api: Api) -> None:
    operation = unanswered_act(api, "capture", 600)
    transaction = str(operation.transaction_id)

    with scripted(transaction, lookup=[UNKNOWN, AWAY]) as gateway:
        resolve_unknown_outcomes()
        resolve_unknown_outcomes()

    assert gateway.asked == ["lookup", "lookup"]
    operation.refresh_from_db()
    assert operation.status == "pending"
    path = f"/v1/transactions/{transaction}/cancel"
    api.error(api.post(path), 409, "transaction_state_invalid")
    resolve_unknown_outcomes()
    assert api.post(path).json()["status"] == "cancelled"


@pytest.mark.usefixtures("_no_lease")
def test_refund_is_asked_about_and_never_sent_again(api: Api) -> None:
    transaction, refund = unanswered_refund(api)

    with scripted(transaction, lookup_refund=[UNKNOWN, AWAY, GatewayResult(Outcome.SUCCEEDED)]) as (
        gateway
    ):
        resolve_refunds()
        resolve_refunds()
        assert Refund.objects.get(pk=refund).status == "pending"
        assert api.transaction(transaction)["refunded_amount"] == 400
        resolve_refunds()

    assert gateway.asked == ["lookup_refund"] * 3
    assert Refund.objects.get(pk=refund).status == "succeeded"
    assert api.balance()["available"] == -400


@pytest.mark.usefixtures("_no_lease")
def test_refund_that_the_gateway_does_not_know_has_failed(api: Api) -> None:
    transaction, refund = unanswered_refund(api)
    never_arrived(refund)

    assert resolve_refunds()["settled"] >= 1

    assert Refund.objects.get(pk=refund).status == "failed"
    assert api.transaction(transaction)["refunded_amount"] == 0
    assert api.balance()["available"] == 0


@pytest.mark.usefixtures("_no_lease")
@pytest.mark.parametrize("answer", [UNKNOWN, AWAY, REFUSED], ids=["silent", "down", "refused"])
def test_refund_not_found_has_failed_only_once_it_is_barred(
    api: Api, answer: GatewayResult
) -> None:
    transaction, refund = unanswered_refund(api)
    never_arrived(refund)

    with scripted(transaction, lookup_refund=[NOT_FOUND], bar_refund=[answer, BARRED]) as gateway:
        resolve_refunds()
        assert Refund.objects.get(pk=refund).status == "pending"
        assert api.transaction(transaction)["refunded_amount"] == 400
        resolve_refunds()

    assert gateway.asked == ["lookup_refund", "bar_refund"] * 2
    assert Refund.objects.get(pk=refund).status == "failed"
    assert api.transaction(transaction)["refunded_amount"] == 0


@pytest.mark.usefixtures("_no_lease", "runs_at_once")
def test_refund_resolvers_at_once_settle_it_once(api: Api) -> None:
    transaction, refund = unanswered_refund(api)
    SimulatorRefund.objects.filter(reference=refund).update(status="succeeded")

    at_once(4, lambda _: resolve_refunds())

    assert types_of(refund) == ["refund.created", "refund.succeeded"]
    assert LedgerEntry.objects.filter(source_id=refund).count() == 1
    assert api.transaction(transaction)["refunded_amount"] == 400
