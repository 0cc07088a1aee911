"""What is barred at the gateway is not carried out later, whichever call comes first."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from disputes.services.refund import refund_transaction
from disputes.services.resolve_refunds import resolve_refunds
from payments_project.actor import SYSTEM
from payments_project.errors import Unavailable
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api
from tests.threads import at_once
from transactions.balances import fold_balances
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.simulator.gateway import SimulatorGateway
from transactions.models import LedgerEntry, SimulatorCharge, SimulatorRefund, Transaction

SIMULATOR = SimulatorGateway()


def authorized(api: Api) -> UUID:
    return UUID(api.paid(amount=1000, capture=False)["id"])


def paid(api: Api) -> UUID:
    return UUID(api.paid(amount=1000)["id"])


def tidy(charge: UUID) -> None:
    """The simulator as it was: these tests ask it directly, and our books know nothing of it."""
    SimulatorRefund.objects.filter(charge_id=charge).delete()
    Transaction.objects.filter(pk=charge).update(gateway_name="scripted")
    SimulatorCharge.objects.filter(reference=charge).delete()


def test_barred_capture_is_refused_and_another_is_not(api: Api) -> None:
    charge, barred = authorized(api), uuid4()

    for _ in range(2):
        assert SIMULATOR.bar_capture(charge=charge, reference=barred).outcome is Outcome.SUCCEEDED
    late = SIMULATOR.capture(charge=charge, reference=barred, amount=1000)

    assert late.outcome is Outcome.DECLINED
    row = SimulatorCharge.objects.get(reference=charge)
    assert (row.status, row.captured_amount, row.barred_captures) == ("authorized", 0, [barred])
    other = SIMULATOR.capture(charge=charge, reference=uuid4(), amount=1000)
    assert (other.outcome, other.captured_amount) == (Outcome.SUCCEEDED, 1000)
    tidy(charge)


def test_capture_that_was_carried_out_is_not_barred(api: Api) -> None:
    charge, reference = authorized(api), uuid4()
    SIMULATOR.capture(charge=charge, reference=reference, amount=600)

    answer = SIMULATOR.bar_capture(charge=charge, reference=reference)

    assert answer.outcome is Outcome.DECLINED
    tidy(charge)


def test_barred_refund_is_refused_and_leaves_all_to_be_refunded(api: Api) -> None:
    charge, barred = paid(api), uuid4()

    for _ in range(2):
        assert SIMULATOR.bar_refund(charge=charge, reference=barred).outcome is Outcome.SUCCEEDED
    late = SIMULATOR.refund(charge=charge, reference=barred, amount=1000)

    assert late.outcome is Outcome.DECLINED
    assert SIMULATOR.lookup_refund(reference=barred).outcome is Outcome.NOT_FOUND
    other = SIMULATOR.refund(charge=charge, reference=uuid4(), amount=1000)
    assert other.outcome is Outcome.SUCCEEDED
    tidy(charge)


def test_refund_that_was_carried_out_is_not_barred(api: Api) -> None:
    charge, reference = paid(api), uuid4()
    SIMULATOR.refund(charge=charge, reference=reference, amount=400)

    answer = SIMULATOR.bar_refund(charge=charge, reference=reference)

    assert answer.outcome is Outcome.DECLINED
    assert SIMULATOR.lookup_refund(reference=reference).outcome is Outcome.SUCCEEDED
    tidy(charge)


def assert_one_is_done(
    charge: UUID, operation: Callable[..., GatewayResult], bar: Callable[..., GatewayResult]
) -> None:
    """Asks for ``operation`` and its ``bar`` at the same moment."""
    reference = uuid4()

    def act(number: int) -> Outcome:
        if number:
            return bar(charge=charge, reference=reference).outcome
        return operation(charge=charge, reference=reference, amount=1000).outcome

    assert sorted(outcome.value for outcome in at_once(2, act)) == ["declined", "succeeded"]
    tidy(charge)


def test_of_a_capture_and_its_bar_at_once_one_is_done(api: Api) -> None:
    for _ in range(15):
        assert_one_is_done(authorized(api), SIMULATOR.capture, SIMULATOR.bar_capture)


def test_of_a_refund_and_its_bar_at_once_one_is_done(api: Api) -> None:
    for _ in range(15):
        assert_one_is_done(paid(api), SIMULATOR.refund, SIMULATOR.bar_refund)


def test_refund_whose_call_arrives_after_the_resolver_pays_nothing(
    api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call was on its way for longer than its lease; the refund made instead is the only one."""
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    transaction = api.paid(amount=1000)["id"]
    carried_out = SimulatorGateway.refund

    def slow(self: SimulatorGateway, **call: Any) -> Any:
        resolver = threading.Thread(target=lambda: (resolve_refunds(), connection.close()))
        resolver.start()
        resolver.join()
        return carried_out(self, **call)

    def refund_all() -> Refund:
        return refund_transaction(
            scope=api.scope, transaction_id=UUID(transaction), amount=None, reason=None,
            metadata={}, actor=SYSTEM, claim=None, replies=NoReplies(),
        )  # fmt: skip

    monkeypatch.setattr(SimulatorGateway, "refund", slow)
    with pytest.raises(Unavailable):
        refund_all()
    lost = Refund.objects.get(transaction_id=transaction)
    monkeypatch.setattr(SimulatorGateway, "refund", carried_out)
    made = refund_all()

    assert (lost.status, made.status) == ("failed", "succeeded")
    paid_out = SimulatorRefund.objects.filter(charge_id=transaction, status="succeeded")
    assert [row.reference for row in paid_out] == [made.pk]
    assert LedgerEntry.objects.filter(transaction_id=transaction, type="refund").count() == 1
    fold_balances()
    assert audit_books() == []
