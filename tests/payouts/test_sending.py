"""Three steps to the bank: whatever it answers or fails to answer, a payout is paid once or its
money comes back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from disputes.services.audit_books import audit_books
from payments_project.database.transaction_manager import run_in_transaction
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages, forget_contradictions, told
from tests.payouts.making import (
    events,
    give,
    lease_is_over,
    let_bank_work,
    make_account,
    pay_out,
    payout,
)
from tests.threads import at_once
from transactions.balances import fold_balances
from transactions.banks import registry
from transactions.banks.interface import BankResult, PaymentOrder
from transactions.banks.simulator.bank import SimulatorBank
from transactions.gateways.interface import Outcome
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import SimulatorCallback
from transactions.payout_models import BankSimulatorTransfer, Payout
from transactions.services import send_payouts as sending
from transactions.services.cancel_payout import cancel_payout
from transactions.services.resolve_payouts import resolve_payouts, settle_overdue_payouts
from transactions.services.send_payouts import send_payouts


class CountingBank(SimulatorBank):
    """The simulator, which remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[UUID] = []

    def send(self, order: PaymentOrder) -> BankResult:
        self.sent.append(order.reference)
        return super().send(order)


@contextmanager
def bank(replacement: SimulatorBank) -> Iterator[None]:
    known = registry._BANKS["simulator"]
    registry._BANKS["simulator"] = replacement
    try:
        yield
    finally:
        registry._BANKS["simulator"] = known


@pytest.fixture
def funded(api: Api) -> Api:
    give(api.scope, 200_000)
    make_account(api.scope)
    return api


def books_balance() -> None:
    fold_balances()
    assert audit_books() == []


@pytest.mark.parametrize(("amount", "status"), [(90_005, "paid"), (90_006, "failed")])
def test_bank_that_times_out_is_asked(funded: Api, amount: int, status: str) -> None:
    made = pay_out(funded, amount)

    send_payouts()
    assert payout(funded, made["id"])["status"] == "pending"
    time.sleep(gateway_lease_seconds() + 0.3)
    resolve_payouts()
    deliver_gateway_messages()

    assert payout(funded, made["id"])["status"] == status
    books_balance()


def test_bank_that_is_down_is_sent_to_again(funded: Api) -> None:
    made = pay_out(funded, 90_007)
    send_payouts()
    send_payouts()
    waiting = Payout.objects.get(pk=made["id"])
    assert (waiting.status, waiting.sent_at) == ("pending", None)
    assert not BankSimulatorTransfer.objects.filter(pk=made["id"]).exists()

    cancelled = funded.post(f"/v1/payouts/{made['id']}/cancel")

    assert cancelled.json()["status"] == "cancelled"
    assert funded.balance()["available"] == 200_000


@pytest.mark.usefixtures("runs_at_once")
def test_senders_at_once_send_once(funded: Api) -> None:
    ids = [UUID(pay_out(funded, 100)["id"]) for _ in range(8)]
    counting = CountingBank()

    with bank(counting):
        at_once(4, lambda _: send_payouts())

    assert sorted(counting.sent) == sorted(ids)
    deliver_gateway_messages()
    assert {payout(funded, str(key))["status"] for key in ids} == {"paid"}


@pytest.mark.usefixtures("runs_at_once")
def test_resolvers_and_messages_at_once_settle_once(funded: Api) -> None:
    ids = [pay_out(funded, 90_005)["id"], pay_out(funded, 90_006)["id"]]
    send_payouts()
    for key in ids:
        lease_is_over(key)

    at_once(4, lambda number: resolve_payouts() if number else deliver_gateway_messages())

    assert events(ids[0]) == ["payout.created", "payout.paid"]
    assert events(ids[1]) == ["payout.created", "payout.failed"]
    assert funded.balance()["available"] == 200_000 - 90_005


def test_cancelling_and_sending_exclude_each_other(funded: Api) -> None:
    for _ in range(10):
        made = pay_out(funded, 100)
        key = UUID(made["id"])

        def act(number: int, key: UUID = key) -> str:
            if number:
                return str(sending.send_payout(key))
            try:
                run_in_transaction(
                    lambda: cancel_payout(scope=funded.scope, payout_id=key, actor=sending.SYSTEM)
                )
            except Exception as error:
                return type(error).__name__
            return "cancelled"

        outcome, _ = at_once(2, act)

        was_sent = BankSimulatorTransfer.objects.filter(pk=key).exists()
        status = Payout.objects.get(pk=key).status
        assert (outcome, status) == (
            ("PayoutStateInvalid", "pending") if was_sent else ("cancelled", "cancelled")
        )
    let_bank_work()
    books_balance()


def test_two_at_once_never_overdraw(funded: Api) -> None:
    for _ in range(6):
        available = funded.balance()["available"]
        amount = available // 3
        body = {"amount": amount, "currency": "USD"}

        responses = at_once(8, lambda _, body=body: funded.post("/v1/payouts", body))

        codes = sorted(response.status_code for response in responses)
        assert codes == [201] * 3 + [409] * 5
        assert funded.balance()["available"] == available - 3 * amount
        give(funded.scope, 10_000)


def test_message_that_was_lost_is_asked_for(funded: Api) -> None:
    made = pay_out(funded, 400)
    send_payouts()
    # The bank pays and its message never arrives.
    SimulatorCallback.objects.filter(message__data__payout=made["id"]).delete()
    BankSimulatorTransfer.objects.filter(pk=made["id"]).update(status="paid")
    settle_overdue_payouts()
    assert payout(funded, made["id"])["status"] == "pending"
    Payout.objects.filter(pk=made["id"]).update(sent_at=datetime.now(UTC) - timedelta(hours=2))

    settle_overdue_payouts()

    assert payout(funded, made["id"])["status"] == "paid"


def test_return_told_before_the_payment_waits_for_it(funded: Api) -> None:
    made = pay_out(funded, 90_004)
    send_payouts()
    late = SimulatorCallback.objects.get(
        message__type="payout.paid", message__data__payout=made["id"]
    )
    SimulatorCallback.objects.filter(pk=late.pk).update(sent_at=datetime.now(UTC))
    with pytest.raises(AssertionError, match="not delivered"):
        deliver_gateway_messages()
    assert payout(funded, made["id"])["status"] == "pending"
    SimulatorCallback.objects.filter(pk=late.pk).update(sent_at=None)

    deliver_gateway_messages()

    assert events(made["id"]) == ["payout.created", "payout.paid", "payout.failed"]


def test_the_same_news_twice_changes_nothing(funded: Api) -> None:
    made = pay_out(funded, 400)
    let_bank_work()

    again = told("payout.paid", payout=made["id"])

    assert again.outcome == "payout is paid"
    assert events(made["id"]) == ["payout.created", "payout.paid"]


@pytest.mark.parametrize("kind", ["payout.paid", "payout.failed", "payout.returned"])
def test_news_of_what_was_never_sent_is_a_contradiction(funded: Api, kind: str) -> None:
    made = pay_out(funded, 400)

    message = told(kind, payout=made["id"])

    assert message.outcome.startswith("contradiction: payout was not sent")
    assert payout(funded, made["id"])["status"] == "pending"
    assert funded.balance()["available"] == 199_600
    forget_contradictions()


def test_paid_after_all_is_a_contradiction(funded: Api) -> None:
    made = pay_out(funded, 90_003)
    let_bank_work()
    assert payout(funded, made["id"])["status"] == "failed"

    message = told("payout.paid", payout=made["id"])

    assert message.outcome.startswith("contradiction: payout is failed")
    assert payout(funded, made["id"])["status"] == "failed"
    forget_contradictions()


def test_late_answer_that_contradicts_is_kept(funded: Api) -> None:
    made = pay_out(funded, 90_006)
    send_payouts()
    lease_is_over(made["id"])
    resolve_payouts()
    assert payout(funded, made["id"])["status"] == "failed"

    def late() -> bool:
        locked = sending.lock_payout(UUID(made["id"]))
        return sending.take_answer(locked, BankResult(Outcome.ACCEPTED, bank_reference="x"))

    run_in_transaction(late)

    findings = audit_books()
    forget_contradictions()
    assert [finding.check for finding in findings] == ["no gateway has told what our record denies"]
    assert payout(funded, made["id"])["status"] == "failed"
