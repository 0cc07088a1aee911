"""Sixty days of payments that never happened, as rows that the auditor accepts.

Payments are made by PostgreSQL's clock, so the past can't be had through the services: these rows
are written as the services would have written them, events and ledger entries included, under ids
of their time.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from disputes.models import Dispute, Refund
from disputes.snapshot import dispute_snapshot, refund_snapshot
from merchants.models import Customer
from merchants.services.extend_history import extend_history
from merchants.terms import MerchantTerms
from payments_project.database.partitions import create_month
from payments_project.events.record import EVENT_COLUMNS, event_payload
from payments_project.tenancy import Scope
from transactions.ledger import (
    MOVEMENT_ROWS,
    Movement,
    capture_movements,
    dispute_hold_movements,
    dispute_loss_movements,
    dispute_release_movements,
    movements_json,
    refund_movements,
)
from transactions.models import SimulatorCharge, SimulatorRefund, Transaction
from transactions.snapshot import transaction_snapshot
from vault.models import PaymentMethod

DAYS = 60
DECLINES = (
    ("generic_decline", "card_declined", "The card was declined."),
    ("insufficient_funds", "card_declined", "The card has insufficient funds."),
    ("expired_card", "expired_card", "The card has expired."),
    ("incorrect_cvc", "incorrect_cvc", "The card's security code is incorrect."),
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


@dataclass
class Story:
    """One payment and what became of it."""

    transaction: Transaction
    steps: list[tuple[str, str, datetime]] = field(default_factory=list)
    movements: list[tuple[datetime, Movement]] = field(default_factory=list)
    refund: Refund | None = None
    dispute: Dispute | None = None
    charge: SimulatorCharge | None = None


def write_history(
    *,
    scope: Scope,
    terms: MerchantTerms,
    payers: Sequence[tuple[Customer, PaymentMethod]],
    payments: int,
    seed: int,
) -> int:
    """Writes ``payments`` payments spread over the last 60 days, more on the later ones; returns
    their number. The same ``seed`` tells the same stories. In the caller's transaction."""
    dice = random.Random(seed)  # noqa: S311 (stories, not secrets)
    now = datetime.now(UTC)
    _make_months(now)
    moments = sorted(_moments(dice, payments, now))
    ids = _ids(moments)
    extend_history(merchant_id=scope.merchant_id, moment=moments[0])
    stories = [
        _story(dice, scope, terms, dice.choice(payers), identity, moment)
        for identity, moment in zip(ids, moments, strict=True)
    ]
    _write(scope, stories)
    return len(stories)


def _make_months(now: datetime) -> None:
    month = (now - timedelta(days=DAYS)).date().replace(day=1)
    while month <= now.date():
        for table in ("transactions", "events", "ledger_entries"):
            create_month(table=table, month=month)
        month = (month + timedelta(days=32)).replace(day=1)


def _moments(dice: random.Random, payments: int, now: datetime) -> Iterator[datetime]:
    for _ in range(payments):
        days_back = DAYS * (1 - dice.random() ** 0.8)
        moment = now - timedelta(days=days_back, minutes=10)
        hour = min(23, max(0, int(dice.gauss(14, 4))))
        moved = moment.replace(hour=hour, minute=dice.randrange(60), second=dice.randrange(60))
        yield min(moved, now - timedelta(minutes=10))


def _ids(moments: Sequence[datetime]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT uuidv7(moment - clock_timestamp()) FROM unnest(%s::timestamptz[])"
            " WITH ORDINALITY AS given (moment, place) ORDER BY place",
            [list(moments)],
        )
        return [row[0] for row in cursor.fetchall()]


def _story(
    dice: random.Random,
    scope: Scope,
    terms: MerchantTerms,
    payer: tuple[Customer, PaymentMethod],
    identity: UUID,
    moment: datetime,
) -> Story:
    customer, card = payer
    goods, price = dice.choice(GOODS)
    count = dice.choice((1, 1, 1, 2, 3))
    currency = dice.choices(("USD", "EUR", "GBP"), (70, 22, 8))[0]
    risky = dice.random() < 0.04
    transaction = Transaction(
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
    story = Story(transaction, steps=[("created", "pending", moment)])
    fate = dice.random()
    if fate < 0.09:
        _decline(story, *dice.choice(DECLINES))
    elif fate < 0.12 and moment > datetime.now(UTC) - timedelta(days=6):
        _authorize(story)
    else:
        _succeed(story, terms)
        if fate > 0.9:
            _refund(story, dice)
        elif fate > 0.875 and moment < datetime.now(UTC) - timedelta(days=2):
            _dispute(story, dice, terms)
    return story


def _charge(story: Story, status: str, captured: int, decline_code: str | None = None) -> None:
    transaction = story.transaction
    story.charge = SimulatorCharge(
        reference=transaction.pk,
        gateway_id=f"sim_ch_{transaction.pk.hex}",
        amount=transaction.amount,
        currency=transaction.currency,
        status=status,
        scenario="paid",
        decline_code=decline_code,
        captured_amount=captured,
    )


def _decline(story: Story, decline_code: str, code: str, message: str) -> None:
    transaction = story.transaction
    transaction.status = "failed"
    transaction.failure_code = code
    transaction.decline_code = decline_code
    transaction.failure_message = message
    transaction.gateway_response = {"status": "declined", "decline_code": decline_code}
    story.steps.append(("failed", "failed", _later(story, 1)))
    _charge(story, "declined", 0, decline_code)


def _authorize(story: Story) -> None:
    transaction = story.transaction
    transaction.status = "authorized"
    transaction.gateway_transaction_id = f"sim_ch_{transaction.pk.hex}"
    transaction.authorization_expires_at = transaction.created_at + timedelta(days=7)
    story.steps.append(("authorized", "authorized", _later(story, 1)))
    _charge(story, "authorized", 0)


def _succeed(story: Story, terms: MerchantTerms) -> None:
    transaction = story.transaction
    moment = _later(story, 1)
    transaction.status = "succeeded"
    transaction.captured_amount = transaction.amount
    transaction.fee_amount = terms.fee_for(
        amount=transaction.amount, currency=transaction.currency, brand=transaction.brand
    )
    transaction.gateway_transaction_id = f"sim_ch_{transaction.pk.hex}"
    transaction.gateway_response = {"status": "approved", "scenario": "paid"}
    story.steps.append(("succeeded", "succeeded", moment))
    story.movements += [
        (moment, movement)
        for movement in capture_movements(
            transaction_id=transaction.pk,
            amount=transaction.amount,
            fee=transaction.fee_amount,
            available_on=(moment + timedelta(days=terms.settlement_delay_days)).date(),
        )
    ]
    _charge(story, "captured", transaction.amount)


def _refund(story: Story, dice: random.Random) -> None:
    transaction = story.transaction
    moment = min(_later(story, 3600 * dice.randrange(2, 72)), datetime.now(UTC))
    full = dice.random() < 0.6
    amount = transaction.amount if full else max(1, transaction.amount // 3)
    story.refund = Refund(
        id=_ids([moment])[0],
        transaction_id=transaction.pk,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        amount=amount,
        currency=transaction.currency,
        reason=dice.choice(REFUND_REASONS),
        status="succeeded",
        gateway_refund_id=f"sim_re_{transaction.pk.hex}",
        processed_at=moment,
        created_at=moment,
        updated_at=moment,
    )
    transaction.refunded_amount = amount
    story.movements += [
        (moment, movement)
        for movement in refund_movements(refund_id=story.refund.pk, amount=amount)
    ]
    if full:
        transaction.status = "refunded"
        story.steps.append(("refunded", "refunded", moment))


def _dispute(story: Story, dice: random.Random, terms: MerchantTerms) -> None:
    transaction = story.transaction
    opened = min(_later(story, 3600 * 24 * dice.randrange(1, 9)), datetime.now(UTC))
    fee = terms.dispute_fee(transaction.currency)
    status = dice.choice(("open", "open", "under_review", "won", "lost"))
    held = transaction.amount
    dispute = Dispute(
        id=_ids([opened])[0],
        transaction_id=transaction.pk,
        merchant_id=transaction.merchant_id,
        environment=transaction.environment,
        dispute_type="chargeback",
        reason_code=dice.choice(("fraudulent", "product_not_received", "duplicate")),
        amount=held,
        currency=transaction.currency,
        held_amount=held,
        fee_amount=fee,
        status=status,
        due_date=(opened + timedelta(days=14)).date(),
        gateway_dispute_id=f"sim_dp_{transaction.pk.hex}",
        created_at=opened,
        updated_at=opened,
    )
    story.dispute = dispute
    story.steps.append(("disputed", "disputed", opened))
    transaction.status = "disputed"
    held_movements = dispute_hold_movements(dispute_id=dispute.pk, amount=held + fee)
    story.movements += [(opened, movement) for movement in held_movements]
    if status in ("won", "lost"):
        decided = min(opened + timedelta(days=dice.randrange(3, 12)), datetime.now(UTC))
        dispute.resolved_at = dispute.updated_at = decided
        ended = (
            dispute_release_movements(dispute_id=dispute.pk, amount=held + fee)
            if status == "won"
            else dispute_loss_movements(dispute_id=dispute.pk, amount=held, fee=fee)
        )
        story.movements += [(decided, movement) for movement in ended]
        if status == "won":
            transaction.status = "succeeded"
            story.steps.append(("succeeded", "succeeded", decided))


def _later(story: Story, seconds: float) -> datetime:
    moment: datetime = story.transaction.created_at + timedelta(seconds=seconds)
    return moment


def _write(scope: Scope, stories: list[Story]) -> None:
    """Rows in the order in which their triggers and keys allow them."""
    final = {story.transaction.pk: story.transaction.status for story in stories}
    for story in stories:
        story.transaction.event_sequence = len(story.steps)
        story.transaction.status = "pending"
        # Amounts of states to come would break the constraints of this one.
        story.transaction.net_amount = None
    Transaction.objects.bulk_create([story.transaction for story in stories], batch_size=200)
    # Through the states that the machine allows, as the payments would have gone.
    for through in ("succeeded", "failed", "authorized"):
        _set_status(
            [
                pk
                for pk, status in final.items()
                if status == through or (through == "succeeded" and status in _AFTER_SUCCESS)
            ],
            through,
        )
    for status in _AFTER_SUCCESS:
        _set_status([pk for pk, last in final.items() if last == status], status)
    for story in stories:
        story.transaction.status = final[story.transaction.pk]
    SimulatorCharge.objects.bulk_create([s.charge for s in stories if s.charge], batch_size=200)
    refunds = [story.refund for story in stories if story.refund]
    for refund in refunds:
        refund.event_sequence = 2
    Refund.objects.bulk_create(refunds, batch_size=200)
    SimulatorRefund.objects.bulk_create(
        [
            SimulatorRefund(
                reference=refund.pk,
                charge_id=refund.transaction_id,
                gateway_id=f"sim_re_{refund.pk.hex}",
                amount=refund.amount,
                status="succeeded",
            )
            for refund in refunds
        ]
    )
    _write_disputes([story.dispute for story in stories if story.dispute])
    _write_events(scope, stories)
    _write_movements(scope, stories)


_AFTER_SUCCESS = ("refunded", "disputed")


def _set_status(ids: list[UUID], status: str) -> None:
    Transaction.objects.filter(pk__in=ids).update(status=status)


def _write_disputes(disputes: list[Dispute]) -> None:
    final = {dispute.pk: dispute.status for dispute in disputes}
    for dispute in disputes:
        dispute.status = "open"
        dispute.event_sequence = 2 + (dispute.resolved_at is not None)
    Dispute.objects.bulk_create(disputes, batch_size=200)
    for dispute in disputes:
        dispute.status = final[dispute.pk]
        if dispute.status != "open":
            Dispute.objects.filter(pk=dispute.pk).update(status=dispute.status)


def _write_events(scope: Scope, stories: list[Story]) -> None:
    rows: list[tuple[datetime, str, UUID, str, int, dict[str, Any]]] = []
    for story in stories:
        for sequence, (verb, status, moment) in enumerate(story.steps, start=1):
            content = transaction_snapshot(story.transaction) | {"status": status}
            rows.append((moment, "transaction", story.transaction.pk, verb, sequence, content))
        if story.refund:
            told = refund_snapshot(story.refund)
            at = story.refund.created_at or story.transaction.created_at
            for sequence, verb in enumerate(("created", "succeeded"), start=1):
                rows.append((at, "refund", story.refund.pk, verb, sequence, told))
        if story.dispute:
            told = dispute_snapshot(story.dispute)
            at = story.dispute.created_at or story.transaction.created_at
            verbs = ["created", "funds_withdrawn"] + ["closed"] * bool(story.dispute.resolved_at)
            for sequence, verb in enumerate(verbs, start=1):
                rows.append((at, "dispute", story.dispute.pk, verb, sequence, told))
    rows.sort(key=lambda row: (row[0], row[4]))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO events (id, {EVENT_COLUMNS}) VALUES"
            " (uuidv7(%s - clock_timestamp()), %s, %s, %s, %s, %s::jsonb, %s, %s,"
            " 'api_key', NULL, NULL, NULL)",
            [
                (
                    moment, kind, str(pk), f"{kind}.{verb}", sequence,
                    event_payload(
                        object_type=kind, object_id=pk, environment=scope.environment, data=content
                    ),
                    scope.merchant_id, scope.environment,
                )
                for moment, kind, pk, verb, sequence, content in rows
            ],
        )  # fmt: skip


def _write_movements(scope: Scope, stories: list[Story]) -> None:
    """Entries under ids of their time; each story's at the moments that it tells."""
    with connection.cursor() as cursor:
        for story in stories:
            for moment, movement in story.movements:
                cursor.execute(
                    f"""
                    INSERT INTO ledger_entries (id, merchant_id, environment, currency,
                        transaction_id, type, amount, debit_account, credit_account, source_id,
                        available_on, description)
                    SELECT uuidv7(%(moment)s - clock_timestamp()), %(merchant_id)s,
                           %(environment)s, %(currency)s, %(transaction_id)s, movement.*
                      FROM {MOVEMENT_ROWS}
                    """,
                    {
                        "moment": moment,
                        "merchant_id": scope.merchant_id,
                        "environment": scope.environment,
                        "currency": story.transaction.currency,
                        "transaction_id": story.transaction.pk,
                        "movements": movements_json([movement]),
                    },
                )
