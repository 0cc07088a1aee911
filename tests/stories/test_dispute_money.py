"""Disputes and money: whoever wins, loses, refunds or waits, the books say what it cost, to the
cent. A payment of 10.00 has a fee of 0.59; a chargeback costs 15.00 besides."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from disputes.models import Dispute
from disputes.services.accept_dispute import accept_dispute
from disputes.services.close_dispute import close_dispute
from disputes.services.close_overdue_disputes import close_overdue_disputes
from disputes.services.open_dispute import open_dispute
from disputes.services.resolve_dispute_acts import resolve_dispute_acts
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.idempotency.replies import NoReplies
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import FEES, client_of, make_merchant
from tests.server import Server
from tests.stories.story import Story, past_due
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.simulator.delivery import send_due_callbacks
from transactions.gateways.simulator.disputes import raise_dispute
from transactions.gateways.simulator.gateway import SimulatorGateway
from transactions.locking import lock_transaction
from transactions.models import SimulatorCallback
from transactions.services.callbacks import apply_callbacks
from transactions.services.settle import settle_due

REFUND_PENDING = "4000000000007726"
REFUND_FAILS_AT_BANK = "4000000000005126"


def test_chargeback_that_is_lost_takes_amount_and_fee(story: Story) -> None:
    payment = story.paid()
    dispute = story.disputed(payment)
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        """,
        USD=(0, -1559, 2500),
    )

    lost = story.answered(dispute, uncategorized_text="losing_evidence")

    assert lost["status"] == "lost"
    assert story.status(payment) == "disputed"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_loss    1000   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -1559, 0),
    )


def test_chargeback_that_is_won_gives_amount_and_fee_back(story: Story) -> None:
    payment = story.paid()
    dispute = story.disputed(payment)

    won = story.answered(dispute, uncategorized_text="winning_evidence")

    assert won["status"] == "won"
    assert story.status(payment) == "succeeded"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_release 2500   reserved > available     dispute
        """,
        USD=(0, 941, 0),
    )


@pytest.fixture
def fee_is_kept(server: Server) -> Iterator[Story]:
    """Of a merchant who gets no dispute's fee back."""
    merchant = make_merchant(fee_structure=FEES | {"dispute_fee_returned": False})
    with client_of(server, merchant, "test") as api:
        yield Story(api)


def test_fee_that_is_not_returned_stays_ours_when_it_is_won(fee_is_kept: Story) -> None:
    story = fee_is_kept
    payment = story.paid()
    dispute = story.disputed(payment)

    story.decided(dispute, "won")

    assert story.status(payment) == "succeeded"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_release 1000   reserved > available     dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -559, 0),
    )


def test_full_refund_after_a_partial_chargeback_was_won(story: Story) -> None:
    payment = story.paid()
    story.decided(story.disputed(payment, 400), "won")

    story.refunded(payment, 1000)

    assert story.status(payment) == "refunded"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    1900   available > reserved     dispute
        dispute_release 1900   reserved > available     dispute
        refund          1000   available > gateway      refund
        """,
        USD=(0, -59, 0),
    )


def test_chargeback_won_after_a_partial_refund_holds_only_the_rest(story: Story) -> None:
    payment = story.paid()
    story.refunded(payment, 300)
    dispute = story.disputed(payment)

    story.decided(dispute, "won")

    assert story.status(payment) == "succeeded"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        refund           300   available > gateway      refund
        dispute_hold    2200   available > reserved     dispute
        dispute_release 2200   reserved > available     dispute
        """,
        USD=(0, 641, 0),
    )


def test_chargeback_lost_after_a_full_refund_costs_its_fee_alone(story: Story) -> None:
    payment = story.paid()
    story.refunded(payment, 1000)
    dispute = story.disputed(payment)

    story.decided(dispute, "lost")

    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        refund          1000   available > gateway      refund
        dispute_hold    1500   available > reserved     dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -1559, 0),
    )


def test_payment_lost_twice_costs_its_amount_once(story: Story) -> None:
    payment = story.paid()
    first = story.disputed(payment, 600, name="first")
    second = story.disputed(payment, 700, name="second")

    story.decided(first, "lost")
    story.decided(second, "lost")

    assert story.status(payment) == "disputed"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2100   available > reserved     first
        dispute_hold    1900   available > reserved     second
        dispute_loss     600   reserved > gateway       first
        dispute_loss    1500   reserved > fees          first
        dispute_loss     400   reserved > gateway       second
        dispute_loss    1500   reserved > fees          second
        """,
        USD=(0, -3059, 0),
    )


def test_payment_won_and_then_disputed_again_and_lost(story: Story) -> None:
    payment = story.paid()
    story.decided(story.disputed(payment, name="first"), "won")

    story.decided(story.disputed(payment, name="second"), "lost")

    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     first
        dispute_release 2500   reserved > available     first
        dispute_hold    2500   available > reserved     second
        dispute_loss    1000   reserved > gateway       second
        dispute_loss    1500   reserved > fees          second
        """,
        USD=(0, -1559, 0),
    )


def test_each_currency_is_disputed_in_its_own(story: Story) -> None:
    """The merchant pays a dispute's fee in USD alone; a yen has no cents."""
    euros = story.paid(2000, currency="EUR", name="euros")
    yen = story.paid(5000, currency="JPY", name="yen")
    story.paid(1000, name="dollars")
    in_euros = story.disputed(euros, 2000, name="in euros")
    in_yen = story.disputed(yen, 3000, name="in yen")

    story.decided(in_euros, "lost")
    story.decided(in_yen, "won")

    story.books(
        """
        EUR payment         2000   gateway > available    euros
        EUR fee               88   available > fees       euros
        JPY payment         5000   gateway > available    yen
        JPY fee              145   available > fees       yen
        payment             1000   gateway > available    dollars
        fee                   59   available > fees       dollars
        EUR dispute_hold    2000   available > reserved   in euros
        JPY dispute_hold    3000   available > reserved   in yen
        EUR dispute_loss    2000   reserved > gateway     in euros
        JPY dispute_release 3000   reserved > available   in yen
        """,
        EUR=(0, -88, 0),
        JPY=(0, 4855, 0),
        USD=(0, 941, 0),
    )


def test_inquiry_holds_nothing_until_it_is_escalated(story: Story) -> None:
    payment = story.paid()
    inquiry = story.disputed(payment, kind="inquiry")
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        """,
        USD=(0, 941, 0),
    )

    escalated = story.answered(inquiry, uncategorized_text="escalate_inquiry_evidence")

    assert (escalated["dispute_type"], escalated["status"]) == ("chargeback", "open")
    assert escalated["evidence_submitted_at"] is None
    assert story.status(payment) == "disputed"
    lost = story.answered(escalated, uncategorized_text="losing_evidence")
    assert lost["status"] == "lost"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_loss    1000   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -1559, 0),
    )


def test_inquiry_that_nobody_answered_may_still_become_a_chargeback(story: Story) -> None:
    payment = story.paid()
    inquiry = story.disputed(payment, kind="inquiry")
    past_due(inquiry)
    close_overdue_disputes()
    assert story.dispute(inquiry["id"])["status"] == "warning_closed"
    assert story.status(payment) == "succeeded"

    dispute = story.disputed(payment, 1000, again=inquiry)

    assert dispute["id"] == inquiry["id"]
    assert (dispute["status"], dispute["resolved_at"]) == ("open", None)
    story.decided(dispute, "won")
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_release 2500   reserved > available     dispute
        """,
        USD=(0, 941, 0),
    )


def test_refund_that_fails_at_the_bank_while_disputed_is_held_and_lost(story: Story) -> None:
    payment = story.paid(card=REFUND_FAILS_AT_BANK)
    story.refunded(payment, 1000)
    # The bank gives the refund back after the cardholder has disputed the payment, too.
    waiting = SimulatorCallback.objects.filter(sent_at=None, message__type="refund.failed")
    due_at = waiting.get().due_at
    waiting.update(due_at=due_at + timedelta(hours=1))
    dispute = _raised(story, payment)
    story.books(
        """
        payment         1000   gateway > pending        payment
        fee               59   pending > fees           payment
        refund          1000   available > gateway      refund
        dispute_hold    1500   available > reserved     dispute
        """,
        USD=(941, -2500, 1500),
    )

    SimulatorCallback.objects.filter(sent_at=None).update(due_at=due_at)
    deliver_gateway_messages()

    story.decided(dispute, "lost")
    story.books(
        """
        payment         1000   gateway > pending        payment
        fee               59   pending > fees           payment
        refund          1000   available > gateway      refund
        dispute_hold    1500   available > reserved     dispute
        dispute_hold    1000   available > reserved     dispute
        refund_failure  1000   gateway > available      refund
        dispute_loss    1000   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(941, -2500, 0),
    )


def test_refund_that_is_called_off_while_disputed_is_held_instead(story: Story) -> None:
    payment = story.paid(card=REFUND_PENDING)
    refund = story.refunded(payment, 600)
    SimulatorCallback.objects.filter(sent_at=None).update(
        due_at=datetime.now(UTC) + timedelta(hours=1)
    )
    dispute = _raised(story, payment)
    cancelled = story.post(f"refunds/{refund['id']}/cancel")
    SimulatorCallback.objects.filter(sent_at=None).update(due_at=datetime.now(UTC))
    deliver_gateway_messages()

    assert cancelled["status"] == "cancelled"
    assert story.api.transaction(payment["id"])["refunded_amount"] == 0
    story.decided(dispute, "won")
    assert story.status(payment) == "succeeded"
    story.books(
        """
        payment         1000   gateway > pending        payment
        fee               59   pending > fees           payment
        dispute_hold    1900   available > reserved     dispute
        dispute_hold     600   available > reserved     dispute
        dispute_release 2500   reserved > available     dispute
        """,
        USD=(941, 0, 0),
    )


def test_accepted_chargeback_is_lost_at_once(story: Story) -> None:
    payment = story.paid()
    dispute = story.disputed(payment, 400)

    accepted = story.post(f"disputes/{dispute['id']}/accept")
    deliver_gateway_messages()

    assert accepted["status"] == "lost"
    assert accepted["resolved_at"] is not None
    assert story.status(payment) == "disputed"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    1900   available > reserved     dispute
        dispute_loss     400   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -959, 0),
    )


def test_accepted_inquiry_costs_nothing(story: Story) -> None:
    payment = story.paid()
    inquiry = story.disputed(payment, kind="inquiry")

    accepted = story.post(f"disputes/{inquiry['id']}/accept")
    deliver_gateway_messages()

    assert accepted["status"] == "warning_closed"
    assert story.status(payment) == "succeeded"
    story.refunded(payment, 1000)
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        refund          1000   available > gateway      refund
        """,
        USD=(0, -59, 0),
    )


def test_chargeback_that_nobody_answers_is_lost_by_the_clock(story: Story) -> None:
    payment = story.paid()
    dispute = story.disputed(payment)
    past_due(dispute)

    close_overdue_disputes()
    # The gateway tells the same, some time later.
    assert story.decided(dispute, "lost")["resolved_at"] is not None

    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_loss    1000   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -1559, 0),
    )


def test_partial_capture_is_all_that_a_dispute_takes(story: Story) -> None:
    authorized = story.named(
        "payment", story.api.paid("4000000000000077", amount=1000, capture=False)
    )
    story.post(f"transactions/{authorized['id']}/capture", {"amount": 600})
    dispute = story.disputed(authorized, 1000)

    story.decided(dispute, "lost")

    story.books(
        """
        payment          600   gateway > available      payment
        fee               47   available > fees         payment
        dispute_hold    2100   available > reserved     dispute
        dispute_loss     600   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -1547, 0),
    )


def test_money_that_settles_while_it_is_disputed_is_released_as_available(story: Story) -> None:
    payment = story.paid(card="4242424242424242")
    dispute = story.disputed(payment)
    settle_due(today=datetime.now(UTC).date() + timedelta(days=2))
    settled = story.api.get("/v1/balance/entries", type="settlement").json()["data"]
    story.names[settled[0]["source"]] = "settlement"

    story.decided(dispute, "won")

    story.books(
        """
        payment         1000   gateway > pending        payment
        fee               59   pending > fees           payment
        dispute_hold    2500   available > reserved     dispute
        settlement       941   pending > available      settlement
        dispute_release 2500   reserved > available     dispute
        """,
        USD=(0, 941, 0),
    )


def test_chargeback_of_a_payment_taken_elsewhere_is_handled_by_staff(story: Story) -> None:
    """No gateway tells of it: staff open it and record its end. Its money never came to us, so that
    none of it is held; the fee for the work is."""
    sale = {"payment_method_type": "terminal", "external_reference": "T-1", "fee_amount": 20}
    payment = story.named(
        "payment",
        story.post("transactions/record", {"amount": 1000, "currency": "USD", **sale}),
    )
    opened = run_in_transaction(
        lambda: open_dispute(
            transaction=lock_transaction(transaction_id=UUID(payment["id"])),
            dispute_type="chargeback",
            reason_code="fraudulent",
            amount=500,
            gateway_dispute_id=None,
            actor=Actor(kind="staff"),
        )
    )
    dispute = story.named("dispute", story.dispute(opened.pk))
    sent = story.post(f"disputes/{dispute['id']}", {"merchant_response": "Paid", "submit": True})
    assert sent["status"] == "under_review"

    run_in_transaction(
        lambda: close_dispute(dispute_id=opened.pk, status="won", actor=Actor(kind="staff"))
    )

    assert story.status(payment) == "succeeded"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               20   available > fees         payment
        adjustment      1000   available > gateway      payment
        dispute_hold    1500   available > reserved     dispute
        dispute_release 1500   reserved > available     dispute
        """,
        USD=(0, -20, 0),
    )


def test_acceptance_whose_answer_is_lost_costs_once(
    story: Story, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    """The gateway takes it and nobody hears of it: asked again, it is the same acceptance."""
    settings.GATEWAY_TIMEOUT_SECONDS, settings.GATEWAY_LEASE_MARGIN_SECONDS = 0, -1
    dispute = Dispute.objects.get(pk=story.disputed(story.paid())["id"])
    really = SimulatorGateway.accept_dispute

    def unheard(gateway: SimulatorGateway, **asked: object) -> GatewayResult:
        really(gateway, **asked)
        return GatewayResult(Outcome.UNKNOWN)

    with monkeypatch.context() as patched:
        patched.setattr(SimulatorGateway, "accept_dispute", unheard)
        told = accept_dispute(
            scope=None, dispute_id=dispute.pk, actor=SYSTEM, claim=None, replies=NoReplies()
        )
    assert told.status == "open"

    assert resolve_dispute_acts()["settled"] >= 1
    deliver_gateway_messages()

    assert story.dispute(dispute.pk)["status"] == "lost"
    story.books(
        """
        payment         1000   gateway > available      payment
        fee               59   available > fees         payment
        dispute_hold    2500   available > reserved     dispute
        dispute_loss    1000   reserved > gateway       dispute
        dispute_loss    1500   reserved > fees          dispute
        """,
        USD=(0, -1559, 0),
    )


def _raised(story: Story, payment: dict[str, object]) -> dict[str, object]:
    """A chargeback that is told while other messages of the gateway are still on their way."""
    identity = raise_dispute(charge=UUID(str(payment["id"])), amount=1000)
    send_due_callbacks()
    apply_callbacks()
    row = Dispute.objects.get(gateway_dispute_id=identity)
    return story.named("dispute", story.dispute(row.pk))


def test_reading_a_story_of_another_merchant_shows_nothing(story: Story, other_api: Api) -> None:
    payment = story.paid()
    story.disputed(payment)

    Story(other_api).books("")
