"""Sixty days of payments that never happened, as rows that the auditor accepts.

Payments are made by PostgreSQL's clock, so the past can't be had through the services: these rows
are written as the services would have written them, events and ledger entries included, under ids
of their time.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection

from analytics.demo.past import ids_at, make_months, write_events
from analytics.demo.payers import Payer, count_payments
from analytics.demo.stories import Story, tell_story
from disputes.models import Dispute, Refund, SimulatorDispute
from merchants.services.extend_history import extend_history
from merchants.terms import MerchantTerms
from payments_project.tenancy import Scope
from transactions.ledger import ENTRY_COLUMNS, movement_rows
from transactions.models import SimulatorCharge, SimulatorRefund, Transaction

DAYS = 60
_AFTER_SUCCESS = ("refunded", "disputed")


def write_history(
    *, scope: Scope, terms: MerchantTerms, payers: Sequence[Payer], payments: int, seed: int
) -> int:
    """Writes ``payments`` payments spread over the last 60 days, more on the later ones; returns
    their number. The same ``seed`` tells the same stories. In the caller's transaction."""
    dice = random.Random(seed)  # noqa: S311 (stories, not secrets)
    now = datetime.now(UTC)
    make_months(now - timedelta(days=DAYS + 1), now)
    moments = sorted(_moments(dice, payments, now))
    extend_history(merchant_id=scope.merchant_id, moment=moments[0])
    stories = [
        tell_story(
            dice=dice,
            scope=scope,
            terms=terms,
            payer=dice.choice(payers),
            identity=identity,
            moment=moment,
        )
        for identity, moment in zip(ids_at(moments), moments, strict=True)
    ]
    _write(scope, stories)
    count_payments(payers=payers, payments=[story.transaction for story in stories])
    return len(stories)


def _moments(dice: random.Random, payments: int, now: datetime) -> Iterator[datetime]:
    for _ in range(payments):
        days_back = DAYS * (1 - dice.random() ** 0.8)
        moment = now - timedelta(days=days_back, minutes=10)
        hour = min(23, max(0, int(dice.gauss(14, 4))))
        moved = moment.replace(hour=hour, minute=dice.randrange(60), second=dice.randrange(60))
        # What would lie ahead is taken back into the last hours, each to a time of its own.
        yield moved if moved < now else now - timedelta(seconds=dice.randrange(600, 4 * 3_600))


def _write(scope: Scope, stories: list[Story]) -> None:
    """Rows in the order in which their triggers and keys allow them."""
    final = {story.transaction.pk: story.transaction.status for story in stories}
    for story in stories:
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
    Refund.objects.bulk_create([s.refund for s in stories if s.refund], batch_size=200)
    SimulatorRefund.objects.bulk_create([s.gateway_refund for s in stories if s.gateway_refund])
    _write_disputes([story.dispute for story in stories if story.dispute])
    write_events(scope, [event for story in stories for event in story.events])
    _write_movements(scope, stories)


def _set_status(ids: list[UUID], status: str) -> None:
    Transaction.objects.filter(pk__in=ids).update(status=status)


def _write_disputes(disputes: list[Dispute]) -> None:
    final = {dispute.pk: dispute.status for dispute in disputes}
    for dispute in disputes:
        dispute.status = "open"
    Dispute.objects.bulk_create(disputes, batch_size=200)
    SimulatorDispute.objects.bulk_create(
        [_at_the_simulator(dispute, final[dispute.pk]) for dispute in disputes], batch_size=200
    )
    for dispute in disputes:
        dispute.status = final[dispute.pk]
        if dispute.status != "open":
            Dispute.objects.filter(pk=dispute.pk).update(status=dispute.status)


def _at_the_simulator(dispute: Dispute, status: str) -> SimulatorDispute:
    """The gateway's side of a dispute."""
    told = dispute.created_at or datetime.now(UTC)
    return SimulatorDispute(
        gateway_id=str(dispute.gateway_dispute_id),
        charge_id=dispute.transaction_id,
        dispute_type=dispute.dispute_type,
        reason=dispute.reason_code,
        amount=dispute.amount,
        due_date=dispute.due_date,
        status="needs_response" if status == "open" else status,
        created_at=told,
        updated_at=dispute.updated_at or told,
    )


def _write_movements(scope: Scope, stories: list[Story]) -> None:
    """Entries under ids of their time; each story's at the moments that it tells."""
    with connection.cursor() as cursor:
        for story in stories:
            for moment, movement in story.movements:
                rows, parameters = movement_rows([movement])
                cursor.execute(
                    f"""
                    INSERT INTO ledger_entries (id, {ENTRY_COLUMNS})
                    SELECT uuidv7(%(moment)s - clock_timestamp()), %(merchant_id)s,
                           %(environment)s, %(currency)s, %(transaction_id)s, movement.*
                      FROM {rows}
                    """,
                    {
                        "moment": moment,
                        "merchant_id": scope.merchant_id,
                        "environment": scope.environment,
                        "currency": story.transaction.currency,
                        "transaction_id": story.transaction.pk,
                        **parameters,
                    },
                )
