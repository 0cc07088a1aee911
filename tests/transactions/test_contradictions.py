"""What gateways say against our record: nothing is changed, staff and the auditor are told."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest

from disputes.models import Dispute, Refund
from disputes.services.audit_books import audit_books
from disputes.services.finish_refund import finish_refund
from disputes.services.settle_overdue_refunds import settle_overdue_refunds
from merchants.terms import get_terms
from payments_project.actor import SYSTEM
from payments_project.errors import Unavailable
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages, forget_contradictions, told
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.simulator.gateway import SimulatorGateway
from transactions.models import (
    GatewayCallback,
    GatewayOperation,
    SimulatorCallback,
    SimulatorCharge,
    SimulatorRefund,
    Transaction,
)
from transactions.outcomes import change_for
from transactions.services.cancel import finish_cancel
from transactions.services.capture import finish_capture
from transactions.services.confirm_overdue import confirm_overdue_captures
from transactions.services.create import commit_outcome

CHECK = "no gateway has told what our record denies"
CONFIRMED_LATER = "4000000000006033"
REFUNDED_LATER = "4000000000007726"
PAID = GatewayResult(Outcome.SUCCEEDED, gateway_id="g_1", captured_amount=1000)
REFUSED = GatewayResult(Outcome.DECLINED)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget_contradictions()


def reported() -> list[str]:
    return [found.subject for found in audit_books() if found.check == CHECK]


def refund_of(api: Api, number: str = REFUNDED_LATER) -> str:
    transaction = api.paid(number, amount=1000)["id"]
    refund: str = api.post("/v1/refunds", {"transaction": transaction}).json()["id"]
    SimulatorCallback.objects.filter(message__data__refund=refund).delete()
    return refund


def answered(refund: str, result: GatewayResult) -> None:
    finish_refund(
        refund_id=UUID(refund), result=result, actor=SYSTEM, key_id=None, replies=NoReplies()
    )


def refund_that_we_failed(api: Api) -> str:
    refund = refund_of(api)
    Refund.objects.filter(pk=refund).update(awaits_gateway=False)
    answered(refund, REFUSED)
    SimulatorRefund.objects.filter(reference=refund).delete()
    return refund


def assert_contradiction(message: GatewayCallback, text: str, caplog: Any) -> None:
    assert message.outcome == f"contradiction: {text}"
    assert reported() == [f"simulator {message.type} {message.message_id}"]
    (record,) = [line for line in caplog.records if "contradicts our record" in line.message]
    assert record.levelno == logging.ERROR


def test_success_told_of_a_declined_payment(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    declined = api.pay("4000000000000002").json()["error"]["transaction"]["id"]

    message = told("charge.succeeded", charge=declined)

    text = "transaction is failed, the gateway says it was charged"
    assert_contradiction(message, text, caplog)
    assert api.transaction(declined)["status"] == "failed"
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


def test_success_told_of_a_cancelled_payment(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    transaction = api.paid(amount=1000, capture=False)["id"]
    api.post(f"/v1/transactions/{transaction}/cancel")

    message = told("charge.succeeded", charge=transaction)

    text = "transaction is cancelled, the gateway says it was charged"
    assert_contradiction(message, text, caplog)


def test_failure_told_of_a_paid_payment(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    transaction = api.paid(amount=1000)["id"]

    message = told("charge.failed", charge=transaction)

    text = "transaction is succeeded, the gateway says it failed"
    assert_contradiction(message, text, caplog)
    assert api.balance()["pending"] == 941


def test_success_told_of_a_refund_that_we_failed(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    refund = refund_that_we_failed(api)

    message = told("refund.succeeded", refund=refund)

    assert_contradiction(message, "refund is failed, the gateway says it was paid", caplog)
    assert Refund.objects.get(pk=refund).status == "failed"
    assert api.balance()["available"] == 0


def test_dispute_told_of_a_payment_that_was_never_taken(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    declined = api.pay("4000000000000002").json()["error"]["transaction"]["id"]

    message = told(
        "dispute.created", charge=declined, dispute=f"dp_{uuid4().hex}", type="chargeback",
        reason="fraudulent", amount=1000,
    )  # fmt: skip

    text = "transaction is failed, the gateway says it is disputed"
    assert_contradiction(message, text, caplog)
    assert not Dispute.objects.filter(transaction_id=declined).exists()


def test_ordinary_repeats_and_late_news_are_no_contradictions(api: Api) -> None:
    transaction = api.paid(CONFIRMED_LATER, amount=1000)["id"]
    deliver_gateway_messages()
    refund = refund_of(api)
    refunded = str(Refund.objects.get(pk=refund).transaction_id)
    SimulatorRefund.objects.filter(reference=refund).update(status="succeeded")
    disputed = api.paid("4000000000000259", amount=1000)["id"]
    deliver_gateway_messages()

    for _ in range(2):
        assert told("charge.succeeded", charge=transaction).outcome == "transaction is succeeded"
        assert told("refund.succeeded", refund=refund).outcome == "refund is succeeded"
        assert told("charge.succeeded", charge=refunded).outcome == "transaction is refunded"
        assert told("charge.succeeded", charge=disputed).outcome == "transaction is disputed"
    # The bank gives a refund back, and what was said before is heard once more.
    SimulatorRefund.objects.filter(reference=refund).update(status="failed")
    for _ in range(2):
        assert told("refund.failed", refund=refund).outcome == "refund is failed"
        assert told("refund.succeeded", refund=refund).outcome == "refund is failed"
    answered(refund, GatewayResult(Outcome.ACCEPTED))

    assert reported() == []


def test_success_heard_after_the_refund_was_found_failed_is_no_contradiction(
    api: Api, settings: Any
) -> None:
    """Paid, then given back by the bank; the first message was late, the second is asked for."""
    settings.GATEWAY_MESSAGE_OVERDUE_SECONDS = -1
    refund = refund_of(api)
    SimulatorRefund.objects.filter(reference=refund).update(status="failed")
    settle_overdue_refunds()

    assert told("refund.succeeded", refund=refund).outcome == "refund is failed"

    assert reported() == []


def test_failure_told_twice_is_no_contradiction(api: Api) -> None:
    transaction = api.paid(CONFIRMED_LATER, amount=1000)["id"]
    SimulatorCallback.objects.filter(message__data__charge=transaction).delete()

    for _ in range(2):
        assert told("charge.failed", charge=transaction).outcome == "transaction is failed"

    assert reported() == []
    SimulatorCharge.objects.filter(reference=transaction).update(status="voided")


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.ACCEPTED])
def test_refund_paid_by_an_answer_that_came_too_late(
    api: Api, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    refund = refund_that_we_failed(api)

    for _ in range(2):
        answered(refund, GatewayResult(outcome))

    assert reported() == [f"simulator answer.refund answer_refund_{UUID(refund).hex}"]
    assert f"the answer to the refund is {outcome.value}, and it is failed" in caplog.text
    assert Refund.objects.get(pk=refund).status == "failed"
    assert api.balance()["available"] == 0


@pytest.mark.parametrize(
    ("first", "late", "is_contradiction"),
    [
        (PAID, REFUSED, True),
        (REFUSED, PAID, True),
        (PAID, PAID, False),
        (REFUSED, REFUSED, False),
        (REFUSED, GatewayResult(Outcome.UNKNOWN), False),
    ],
)
def test_capture_answered_too_late(
    api: Api, first: GatewayResult, late: GatewayResult, is_contradiction: bool
) -> None:
    transaction = api.paid(amount=1000, capture=False)["id"]
    operation = GatewayOperation.objects.create(
        transaction_id=transaction, kind="capture", amount=1000, actor_kind="system"
    )

    for result in (first, late):
        # One that was refused, or could not be done, is raised once it is written.
        with suppress(Unavailable):
            finish_capture(
                operation=operation, result=result, actor=SYSTEM, key_id=None,
                terms=get_terms(api.scope.merchant_id), replies=NoReplies(),
            )  # fmt: skip

    answer = f"simulator answer.capture answer_capture_{operation.pk.hex}"
    assert reported() == ([answer] if is_contradiction else [])
    operation.refresh_from_db()
    assert operation.status == ("succeeded" if first is PAID else "failed")
    if first is PAID:
        SimulatorCharge.objects.filter(reference=transaction).update(
            status="captured", captured_amount=1000
        )


@pytest.mark.parametrize(
    ("found", "message"), [(PAID, "charge.failed"), (REFUSED, "charge.succeeded")]
)
def test_capture_asked_about_while_its_message_says_otherwise(
    api: Api,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    found: GatewayResult,
    message: str,
) -> None:
    settings.GATEWAY_MESSAGE_OVERDUE_SECONDS = -1
    transaction = api.paid(CONFIRMED_LATER, amount=1000)["id"]
    SimulatorCallback.objects.filter(message__data__charge=transaction).delete()

    def lookup(_gateway: SimulatorGateway, *, charge: UUID) -> GatewayResult:
        if str(charge) != transaction:
            return GatewayResult(Outcome.ACCEPTED, captured_amount=1000)
        told(message, charge=transaction)
        return found

    monkeypatch.setattr(SimulatorGateway, "lookup", lookup)
    confirm_overdue_captures()

    told_status = message.partition(".")[2]
    assert api.transaction(transaction)["status"] == told_status
    assert reported() == [f"simulator answer.lookup answer_lookup_{UUID(transaction).hex}"]
    SimulatorCharge.objects.filter(reference=transaction).update(
        status="captured" if told_status == "succeeded" else "voided"
    )


def test_void_refused_by_an_answer_that_came_too_late(api: Api) -> None:
    transaction = api.paid(amount=1000, capture=False)["id"]
    api.post(f"/v1/transactions/{transaction}/cancel")
    operation = GatewayOperation.objects.get(transaction_id=transaction)

    finish_cancel(
        operation=operation, result=REFUSED, actor=SYSTEM, key_id=None, replies=NoReplies()
    )

    assert reported() == [f"simulator answer.void answer_void_{operation.pk.hex}"]


@pytest.mark.parametrize(
    ("number", "late", "is_contradiction"),
    [
        ("4000000000000002", PAID, True),
        ("4000000000000002", REFUSED, False),
        ("4242424242424242", REFUSED, True),
        ("4242424242424242", PAID, False),
    ],
)
def test_charge_answered_too_late(
    api: Api, number: str, late: GatewayResult, is_contradiction: bool
) -> None:
    answer = api.pay(number, amount=1000).json()
    identity = answer["error"]["transaction"]["id"] if "error" in answer else answer["id"]
    transaction = Transaction.objects.get(pk=identity)
    terms = get_terms(api.scope.merchant_id)

    commit_outcome(
        transaction=transaction,
        change=change_for(transaction=transaction, result=late, terms=terms),
        actor=SYSTEM,
        key_id=None,
        replies=NoReplies(),
    )

    kept = f"simulator answer.authorize answer_authorize_{UUID(identity).hex}"
    assert reported() == ([kept] if is_contradiction else [])
