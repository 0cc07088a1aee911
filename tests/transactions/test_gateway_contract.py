"""Answers that the port does not allow: nothing is written of them, and the log has them."""

import logging
import time
from typing import Any
from uuid import UUID

import pytest

from merchants.terms import get_terms
from payments_project.actor import SYSTEM
from payments_project.idempotency.keys import Reply
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api
from tests.transactions.gateway_doubles import ScriptedGateway, scripted
from transactions.gateways.calls import call_gateway, listening
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import GatewayOperation, LedgerEntry, SimulatorCharge, Transaction
from transactions.services.capture import capture_transaction
from transactions.services.create import PaymentRequest, create_transaction
from transactions.services.resolve import resolve_unknown_outcomes

CHARGED_THEN_SILENT = "4000000000006009"
OUTCOMES = [Outcome.SUCCEEDED, Outcome.ACCEPTED]


class AnyReplies(NoReplies):
    """Of a payment whose outcome is not written a reply is made all the same."""

    def of(self, subject: object) -> Reply:
        return Reply(201, "{}")


def taken(outcome: Outcome, amount: int | None) -> GatewayResult:
    return GatewayResult(outcome, gateway_id="g_1", captured_amount=amount)


@pytest.mark.parametrize("amount", [None, -1, 1001])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_charge_without_a_possible_captured_amount_stays_pending(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    amount: int | None,
) -> None:
    gateway = ScriptedGateway(authorize=[taken(outcome, amount)])
    gateway.name = "simulator"
    monkeypatch.setattr("transactions.services.create.select_gateway", lambda _scope: gateway)

    made = create_transaction(
        scope=api.scope,
        actor=SYSTEM,
        request=PaymentRequest(amount=1000, currency="USD", payment_method=api.card()),
        terms=get_terms(api.scope.merchant_id),
        claim=None,
        replies=AnyReplies(),
    )

    assert made.status == Transaction.objects.get(pk=made.pk).status == "pending"
    assert not LedgerEntry.objects.filter(transaction_id=made.pk).exists()
    assert f"the outcome of transaction {made.pk} could not be written" in caplog.messages
    assert "GatewayContractBroken" in caplog.text


@pytest.mark.parametrize("amount", [None, 0, 599, 601, 1001])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_capture_of_another_amount_than_asked_is_refused(
    api: Api, outcome: Outcome, amount: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    transaction = api.paid(amount=1000, capture=False)["id"]

    with scripted(transaction, capture=[taken(outcome, amount)]):
        told = capture_transaction(
            scope=api.scope,
            transaction_id=UUID(transaction),
            amount=600,
            actor=SYSTEM,
            terms=get_terms(api.scope.merchant_id),
            claim=None,
            replies=NoReplies(),
        )

    operation = GatewayOperation.objects.get(transaction_id=transaction)
    assert (operation.status, told.status) == ("pending", "authorized")
    assert "GatewayContractBroken" in caplog.text
    assert api.transaction(transaction)["status"] == "authorized"
    assert not LedgerEntry.objects.filter(transaction_id=transaction).exists()
    operation.delete()


@pytest.mark.parametrize("amount", [None, 1001])
def test_lookup_without_a_possible_captured_amount_leaves_the_payment_pending(
    api: Api, settings: Any, caplog: pytest.LogCaptureFixture, amount: int | None
) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    transaction = api.paid(CHARGED_THEN_SILENT, amount=1000)["id"]

    with scripted(transaction, lookup=[taken(Outcome.SUCCEEDED, amount)]):
        resolve_unknown_outcomes()

    assert f"could not ask about transaction {transaction}" in caplog.messages
    assert api.transaction(transaction)["status"] == "pending"
    resolve_unknown_outcomes()
    assert api.transaction(transaction)["status"] == "succeeded"
    assert SimulatorCharge.objects.get(reference=transaction).captured_amount == 1000


def test_call_that_outlasts_its_time_is_logged(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS = 0.05

    def slow() -> GatewayResult:
        time.sleep(0.1)
        return GatewayResult(Outcome.SUCCEEDED)

    call_gateway(lambda: GatewayResult(Outcome.SUCCEEDED))
    assert caplog.records == []
    call_gateway(slow)

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "slow took 0.1 seconds" in record.message


def test_listener_hears_how_calls_end_in_its_block_only() -> None:
    def answer(outcome: Outcome) -> GatewayResult:
        return GatewayResult(outcome)

    def breaks() -> GatewayResult:
        raise ValueError("the adapter is broken")

    with listening() as heard:
        call_gateway(answer, Outcome.DECLINED)
        with pytest.raises(ValueError, match="broken"):
            call_gateway(breaks)
    call_gateway(answer, Outcome.SUCCEEDED)

    assert heard == [Outcome.DECLINED, Outcome.UNKNOWN]
