"""Ledger movements: which accounts an amount moves between, and why.

Worked examples, one per kind of act, are in docs/ledger.md and in the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.numeric import Int8

from payments_project.tenancy import Scope
from transactions import ledger_accounts as accounts

# Of an entry's INSERT: whose it is, then a movement's own.
ENTRY_COLUMNS = (
    "merchant_id, environment, currency, transaction_id,"
    " type, amount, debit_account, credit_account, source_id, available_on, description"
)

TAKEN_ELSEWHERE = "taken elsewhere"


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
    if not amount:
        return []
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


def payout_movements(*, payout_id: UUID, amount: int) -> list[Movement]:
    """A payout that is made: its money is set aside for the bank at once, not when it is sent."""
    return [Movement(accounts.PAYOUT, amount, accounts.AVAILABLE, accounts.BANK, payout_id)]


def payout_failure_movements(*, payout_id: UUID, amount: int) -> list[Movement]:
    """A payout that was cancelled, has failed or was returned by the bank: its money comes back."""
    return [Movement(accounts.PAYOUT_FAILURE, amount, accounts.BANK, accounts.AVAILABLE, payout_id)]


def adjustment_movements(*, adjustment_id: UUID, amount: int) -> list[Movement]:
    """A correction by finance; a negative ``amount`` takes from the merchant."""
    debit, credit = accounts.ADJUSTMENTS, accounts.AVAILABLE
    if amount < 0:
        debit, credit = credit, debit
    return [Movement(accounts.ADJUSTMENT, abs(amount), debit, credit, adjustment_id)]


def recorded(movements: Sequence[Movement], *, is_credited: bool) -> list[Movement]:
    """The movements of a payment or refund that was made elsewhere.

    Where its money did not come to us, each is followed by its reverse: the merchant has (or gave)
    it already, so none of it is theirs to be paid out. Our fee is not reversed.
    """
    if is_credited:
        return list(movements)
    return [
        *movements,
        *(
            Movement(
                accounts.ADJUSTMENT,
                movement.amount,
                movement.credit,
                movement.debit,
                movement.source_id,
                description=TAKEN_ELSEWHERE,
            )
            for movement in movements
            if accounts.GATEWAY in (movement.debit, movement.credit)
        ),
    ]


def settlement_movement(*, settlement_id: UUID, amount: int, available_on: date) -> Movement:
    """Pending money of a day becomes available; a negative ``amount`` goes the other way."""
    debit, credit = accounts.PENDING, accounts.AVAILABLE
    if amount < 0:
        debit, credit = credit, debit
    return Movement(accounts.SETTLEMENT, abs(amount), debit, credit, settlement_id, available_on)


def record_movements(
    movements: Sequence[Movement], *, scope: Scope, currency: str, transaction_id: UUID | None
) -> None:
    """Writes movements of one merchant in one currency, in the caller's transaction.

    Never locks: credits and debits are appended, balances are folded from them.
    """
    if not movements:
        return
    rows, parameters = movement_rows(movements)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO ledger_entries ({ENTRY_COLUMNS})
            SELECT %(merchant_id)s, %(environment)s, %(currency)s, %(transaction_id)s, movement.*
              FROM {rows}
            """,
            {
                "merchant_id": scope.merchant_id,
                "environment": scope.environment,
                "currency": currency,
                "transaction_id": transaction_id,
                **parameters,
            },
        )


def movement_rows(movements: Sequence[Movement]) -> tuple[str, dict[str, Any]]:
    """At least one movement as a table of SQL called ``movement``, and the table's parameters.

    Its columns are the last of ``ENTRY_COLUMNS``. Movements of the same kinds give the same text,
    which is prepared once.
    """
    parameters: dict[str, Any] = {}
    for number, movement in enumerate(movements):
        parameters[f"amount_{number}"] = Int8(movement.amount)
        parameters[f"source_id_{number}"] = movement.source_id
        parameters[f"available_on_{number}"] = movement.available_on
        parameters[f"description_{number}"] = movement.description
    kinds = tuple((movement.type, movement.debit, movement.credit) for movement in movements)
    return _rows_of(kinds), parameters


@cache
def _rows_of(kinds: tuple[tuple[str, str, str], ...]) -> str:
    """The kinds are this module's own words, so they may be part of the text."""
    rows = ",\n        ".join(
        f"('{type_}', %(amount_{number})s::bigint, '{debit}', '{credit}',"
        f" %(source_id_{number})s::uuid, %(available_on_{number})s::date,"
        f" %(description_{number})s::text)"
        for number, (type_, debit, credit) in enumerate(kinds)
    )
    return f"(VALUES {rows}) AS movement"
