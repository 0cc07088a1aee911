"""Ledger movements: which accounts an amount moves between, and why.

Worked examples, one per kind of act, are in docs/ledger.md and in the tests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from payments_project.json_text import json_text
from payments_project.tenancy import Scope
from transactions import ledger_accounts as accounts


@dataclass(frozen=True, slots=True)
class Movement:
    """``amount`` (minor units, above zero) from the debit account to the credit account."""

    type: str
    amount: int
    debit: str
    credit: str
    source_id: UUID
    available_on: date | None = None
    description: str | None = None


def capture_movements(
    *, transaction_id: UUID, amount: int, fee: int, available_on: date | None
) -> list[Movement]:
    """A captured payment: the amount becomes the merchant's, less our fee.

    ``available_on`` is the day on which pending money becomes available; None puts it there now.
    """
    bucket = accounts.AVAILABLE if available_on is None else accounts.PENDING
    movements = [
        Movement(accounts.PAYMENT, amount, accounts.GATEWAY, bucket, transaction_id, available_on)
    ]
    if fee:
        movements.append(
            Movement(accounts.FEE, fee, bucket, accounts.FEES, transaction_id, available_on)
        )
    return movements


def refund_movements(*, refund_id: UUID, amount: int) -> list[Movement]:
    """A succeeded refund: taken from available money, below zero if need be."""
    return [Movement(accounts.REFUND, amount, accounts.AVAILABLE, accounts.GATEWAY, refund_id)]


def refund_failure_movements(*, refund_id: UUID, amount: int) -> list[Movement]:
    """A refund that had succeeded and then failed at the bank: its money comes back."""
    return [
        Movement(accounts.REFUND_FAILURE, amount, accounts.GATEWAY, accounts.AVAILABLE, refund_id)
    ]


def dispute_hold_movements(*, dispute_id: UUID, amount: int) -> list[Movement]:
    """An opened chargeback: amount and fee are held until it is decided."""
    return [
        Movement(accounts.DISPUTE_HOLD, amount, accounts.AVAILABLE, accounts.RESERVED, dispute_id)
    ]


def dispute_release_movements(*, dispute_id: UUID, amount: int) -> list[Movement]:
    """A won dispute: what was held is available again."""
    return [
        Movement(
            accounts.DISPUTE_RELEASE, amount, accounts.RESERVED, accounts.AVAILABLE, dispute_id
        )
    ]


def dispute_loss_movements(*, dispute_id: UUID, amount: int, fee: int) -> list[Movement]:
    """A lost dispute: the amount went back to the cardholder, the fee is ours."""
    movements = []
    if amount:
        movements.append(
            Movement(accounts.DISPUTE_LOSS, amount, accounts.RESERVED, accounts.GATEWAY, dispute_id)
        )
    if fee:
        movements.append(
            Movement(accounts.DISPUTE_LOSS, fee, accounts.RESERVED, accounts.FEES, dispute_id)
        )
    return movements


def settlement_movement(*, settlement_id: UUID, amount: int, available_on: date) -> Movement:
    """Pending money of a day becomes available; a negative ``amount`` goes the other way."""
    debit, credit = accounts.PENDING, accounts.AVAILABLE
    if amount < 0:
        debit, credit = credit, debit
    return Movement(accounts.SETTLEMENT, abs(amount), debit, credit, settlement_id, available_on)


# Movements as rows of SQL, from the JSON text that ``movements_json`` gives.
MOVEMENT_ROWS = """jsonb_to_recordset(%(movements)s::jsonb)
    AS movement (type text, amount bigint, debit_account text, credit_account text,
                 source_id uuid, available_on date, description text)"""


def record_movements(
    movements: Iterable[Movement], *, scope: Scope, currency: str, transaction_id: UUID | None
) -> None:
    """Writes movements of one merchant in one currency, in the caller's transaction.

    Never locks: credits and debits are appended, balances are folded from them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO ledger_entries (merchant_id, environment, currency, transaction_id, type,
                amount, debit_account, credit_account, source_id, available_on, description)
            SELECT %(merchant_id)s, %(environment)s, %(currency)s, %(transaction_id)s, movement.*
              FROM {MOVEMENT_ROWS}
            """,
            {
                "merchant_id": scope.merchant_id,
                "environment": scope.environment,
                "currency": currency,
                "transaction_id": transaction_id,
                "movements": movements_json(movements),
            },
        )


def movements_json(movements: Iterable[Movement]) -> str:
    """Movements for ``MOVEMENT_ROWS``: one parameter costs less than seven arrays."""
    return json_text(
        [
            {
                "type": movement.type,
                "amount": movement.amount,
                "debit_account": movement.debit,
                "credit_account": movement.credit,
                "source_id": movement.source_id,
                "available_on": movement.available_on,
                "description": movement.description,
            }
            for movement in movements
        ]
    )
