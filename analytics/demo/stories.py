"""What became of the demo's payments: each a story whose every step is told as it happened."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics.demo.past import API_KEY, GATEWAY, Told, ids_at
from analytics.demo.payers import Payer
from disputes.models import Dispute, Refund
from disputes.snapshot import dispute_snapshot, refund_snapshot
from merchants.terms import MerchantTerms
from payments_project.tenancy import Scope
from transactions.gateways.simulator.cards import DECLINE_MESSAGES
from transactions.ledger import (
    Movement,
    capture_movements,
    dispute_hold_movements,
    dispute_loss_movements,
    dispute_release_movements,
    refund_movements,
)
from transactions.models import SimulatorCharge, SimulatorRefund, Transaction
from transactions.snapshot import transaction_snapshot

# The issuer's reason, and our code for it.
DECLINES = (
    ("generic_decline", "card_declined"),
    ("insufficient_funds", "card_declined"),
    ("expired_card", "expired_card"),
    ("incorrect_cvc", "incorrect_cvc"),
)
GOODS = (
    ("Ethiopia Yirgacheffe, 250 g", 1450),
    ("House blend, 1 kg", 3200),
    ("Espresso subscription", 2400),
    ("Hand grinder", 8900),
    ("Paper filters, 100", 650),
    ("Brewing course", 12500),
    ("Gift card", 5000),
)
REFUND_REASONS = ("requested_by_customer", "damaged", "duplicate", "not_as_described")
DISPUTE_REASONS = ("fraudulent", "product_not_received", "duplicate")
DAYS_TO_RESPOND = 14
EVIDENCE = {
    "product_not_received": "Delivered and signed for; the carrier's record is attached.",
    "duplicate": "Two orders of the same day; both invoices are attached.",
    "fraudulent": "Sent to the cardholder's own address, as five orders before it.",
}


@dataclass
class Story:
    """One payment and what became of it."""

    transaction: Transaction
    events: list[Told] = field(default_factory=list)
    movements: list[tuple[datetime, Movement]] = field(default_factory=list)
    refund: Refund | None = None
    dispute: Dispute | None = None
    charge: SimulatorCharge | None = None
    gateway_refund: SimulatorRefund | None = None

    def tell(self, verb: str, at: datetime, actor_kind: str = API_KEY) -> None:
        """The payment as it is now, as an event of ``at``."""
        self._add(self.transaction, "transaction", verb, at, actor_kind)
        self.transaction.updated_at = at

    def tell_refund(self, verb: str, at: datetime) -> None:
        self._add(self.refund, "refund", verb, at, API_KEY)

    def tell_dispute(self, verb: str, at: datetime, actor_kind: str = GATEWAY) -> None:
        self._add(self.dispute, "dispute", verb, at, actor_kind)

    def _add(self, told: Any, kind: str, verb: str, at: datetime, actor_kind: str) -> None:
        told.event_sequence = (told.event_sequence or 0) + 1
        data = _SNAPSHOTS[kind](told)
        self.events.append(
            Told(at, f"{kind}.{verb}", told.pk, told.event_sequence, data, actor_kind)
        )


_SNAPSHOTS: dict[str, Any] = {
    "transaction": transaction_snapshot,
    "refund": refund_snapshot,
    "dispute": dispute_snapshot,
}


def tell_story(
    *,
    dice: random.Random,
    scope: Scope,
    terms: MerchantTerms,
    payer: Payer,
    identity: UUID,
    moment: datetime,
) -> Story:
    """A payment of ``moment``, and its fate up to now: nothing happens later than that."""
    story = Story(_intent(dice, scope, payer, identity, moment))
    story.tell("created", moment)
    age = datetime.now(UTC) - moment
    fate = dice.random()
    if fate < 0.09:
        _decline(story, *dice.choice(DECLINES))
    elif fate < 0.12 and age < timedelta(days=6):
        _authorize(story)
    else:
        _succeed(story, terms)
        if fate > 0.9:
            _refund(story, dice)
        elif fate > 0.865 and age > timedelta(days=10):
            _dispute(story, dice, terms)
    return story


def _intent(
    dice: random.Random, scope: Scope, payer: Payer, identity: UUID, moment: datetime
) -> Transaction:
    customer, card = payer
    goods, price = dice.choice(GOODS)
    count = dice.choice((1, 1, 1, 2, 3))
    currency = dice.choices(("USD", "EUR", "GBP"), (70, 22, 8))[0]
    risky = dice.random() < 0.04
    return Transaction(
        id=identity,
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        customer_id=customer.pk,
        amount=price * count,
        currency=currency,
        fee_amount=0,
        refunded_amount=0,
        status="pending",
        payment_method_type="card",
        payment_method_token=card.pk,
        brand=card.brand,
        last_four=card.last_four,
        gateway_name="simulator",
        fraud_score=Decimal("0.8500") if risky else Decimal("0.0500"),
        risk_level="high" if risky else "low",
        compliance_status="pending",
        description=f"{count} x {goods}",
        metadata={"order": f"W-{dice.randrange(10_000, 99_999)}"},
        created_at=moment,
        updated_at=moment,
    )


def _charge(
    story: Story, *, status: str, captured: int = 0, decline_code: str | None = None
) -> None:
    transaction = story.transaction
    story.charge = SimulatorCharge(
        reference=transaction.pk,
        gateway_id=_charge_id(transaction),
        amount=transaction.amount,
        currency=transaction.currency,
        status=status,
        # Declining cards have scenarios of their decline's name.
        scenario=decline_code or "paid",
        decline_code=decline_code,
        captured_amount=captured,
        created_at=_later(story, seconds=1),
        updated_at=_later(story, seconds=1),
    )


def _charge_id(transaction: Transaction) -> str:
    return f"sim_ch_{transaction.pk.hex}"


def _decline(story: Story, decline_code: str, code: str) -> None:
    transaction = story.transaction
    transaction.status = "failed"
    transaction.failure_code = code
    transaction.decline_code = decline_code
    transaction.failure_message = DECLINE_MESSAGES[decline_code]
    transaction.gateway_response = {"status": "declined", "decline_code": decline_code}
    story.tell("failed", _later(story, seconds=1))
    _charge(story, status="declined", decline_code=decline_code)


def _authorize(story: Story) -> None:
    transaction = story.transaction
    transaction.status = "authorized"
    transaction.gateway_transaction_id = _charge_id(transaction)
    transaction.authorization_expires_at = transaction.created_at + timedelta(days=7)
    story.tell("authorized", _later(story, seconds=1))
    _charge(story, status="authorized")


def _succeed(story: Story, terms: MerchantTerms) -> None:
    transaction = story.transaction
    moment = _later(story, seconds=1)
    transaction.status = "succeeded"
    transaction.captured_amount = transaction.amount
    transaction.fee_amount = terms.fee_for(
        amount=transaction.amount, currency=transaction.currency, brand=transaction.brand
    )
    transaction.gateway_transaction_id = _charge_id(transaction)
    transaction.gateway_response = {"status": "approved", "scenario": "paid"}
    story.tell("succeeded", moment)
    story.movements += [
        (moment, movement)
        for movement in capture_movements(
            transaction_id=transaction.pk,
            amount=transaction.amount,
            fee=transaction.fee_amount,
            available_on=(moment + timedelta(days=terms.settlement_delay_days)).date(),
        )
    ]
    _charge(story, status="captured", captured=transaction.amount)


def _refund(story: Story, dice: random.Random) -> None:
    """Asked for some hours after the payment; for one of the last hours, not yet."""
    transaction = story.transaction
    asked = _later(story, seconds=3600 * dice.randrange(2, 72) + dice.randrange(3600))
    done = asked + timedelta(seconds=1)
    if done > datetime.now(UTC):
        return
    full = dice.random() < 0.6
    amount = transaction.amount if full else max(1, transaction.amount // 3)
    refund = story.refund = Refund(
        id=ids_at([asked])[0],
        transaction_id=transaction.pk,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        amount=amount,
        currency=transaction.currency,
        reason=dice.choice(REFUND_REASONS),
        status="pending",
        requested_by_kind=API_KEY,
        created_at=asked,
    )
    story.tell_refund("created", asked)
    refund.status = "succeeded"
    refund.gateway_refund_id = f"sim_re_{transaction.pk.hex}"
    refund.processed_at = refund.updated_at = done
    story.tell_refund("succeeded", done)
    story.gateway_refund = SimulatorRefund(
        reference=refund.pk,
        charge_id=transaction.pk,
        gateway_id=refund.gateway_refund_id,
        amount=amount,
        status="succeeded",
        created_at=done,
        updated_at=done,
    )
    story.movements += [
        (done, movement) for movement in refund_movements(refund_id=refund.pk, amount=amount)
    ]
    transaction.refunded_amount = amount
    transaction.updated_at = done
    if full:
        transaction.status = "refunded"
        story.tell("refunded", done)


def _dispute(story: Story, dice: random.Random, terms: MerchantTerms) -> None:
    """Opened some days after the payment; then, as far as there was time, answered and decided."""
    transaction = story.transaction
    opened = _later(story, seconds=3600 * dice.randrange(24, 24 * 9) + dice.randrange(3600))
    age = datetime.now(UTC) - opened
    fee = terms.dispute_fee(transaction.currency)
    reason = dice.choice(DISPUTE_REASONS)
    dispute = story.dispute = Dispute(
        id=ids_at([opened])[0],
        transaction_id=transaction.pk,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        dispute_type="chargeback",
        reason_code=reason,
        amount=transaction.amount,
        currency=transaction.currency,
        held_amount=transaction.amount,
        fee_amount=fee,
        status="open",
        due_date=(opened + timedelta(days=DAYS_TO_RESPOND)).date(),
        gateway_dispute_id=f"sim_dp_{transaction.pk.hex}",
        is_at_gateway=True,
        created_at=opened,
        updated_at=opened,
    )
    story.tell_dispute("created", opened)
    withdrawn = opened + timedelta(milliseconds=5)
    story.tell_dispute("funds_withdrawn", withdrawn)
    held = dispute.held_amount + fee
    story.movements += [
        (withdrawn, movement)
        for movement in dispute_hold_movements(dispute_id=dispute.pk, amount=held)
    ]
    transaction.status = "disputed"
    story.tell("disputed", withdrawn + timedelta(milliseconds=5), GATEWAY)
    answered = opened + timedelta(hours=dice.randrange(20, 24 * 5), seconds=dice.randrange(3600))
    is_overdue = age > timedelta(days=DAYS_TO_RESPOND + 1)
    if answered - opened < age and dice.random() < (0.8 if is_overdue else 0.35):
        _answer(story, answered)
    elif is_overdue:
        # Nobody answered in time: lost.
        _decide(story, opened + timedelta(days=DAYS_TO_RESPOND, hours=6), "lost")
        return
    decided = answered + timedelta(hours=dice.randrange(30, 24 * 8), seconds=dice.randrange(3600))
    is_old = age > timedelta(days=25)
    if dispute.evidence_submitted_at and decided - opened < age and (is_old or dice.random() < 0.5):
        _decide(story, decided, dice.choice(("won", "lost")))


def _answer(story: Story, moment: datetime) -> None:
    dispute = story.dispute
    assert dispute is not None  # noqa: S101
    dispute.status = "under_review"
    dispute.evidence = {"uncategorized_text": EVIDENCE[str(dispute.reason_code)]}
    dispute.merchant_response = "We ask for the charge to stand."
    dispute.evidence_submitted_at = dispute.updated_at = moment
    story.tell_dispute("evidence_submitted", moment, API_KEY)


def _decide(story: Story, moment: datetime, verdict: str) -> None:
    dispute, transaction = story.dispute, story.transaction
    assert dispute is not None  # noqa: S101
    dispute.status = verdict
    dispute.resolved_at = dispute.updated_at = moment
    story.tell_dispute("closed", moment)
    if dispute.status == "lost":
        movements = dispute_loss_movements(
            dispute_id=dispute.pk, amount=dispute.held_amount, fee=dispute.fee_amount
        )
    else:
        movements = dispute_release_movements(
            dispute_id=dispute.pk, amount=dispute.held_amount + dispute.fee_amount
        )
        returned = moment + timedelta(milliseconds=5)
        story.tell_dispute("funds_reinstated", returned)
        transaction.status = "succeeded"
        story.tell("succeeded", returned + timedelta(milliseconds=5), GATEWAY)
    story.movements += [(moment, movement) for movement in movements]


def _later(story: Story, *, seconds: float) -> datetime:
    moment: datetime = story.transaction.created_at + timedelta(seconds=seconds)
    return moment
