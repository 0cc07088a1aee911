"""A payout's outcome: paid, failed (also after it was paid) or cancelled; on a locked row."""

from datetime import UTC, datetime

from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions import states
from transactions.errors import PayoutStateInvalid
from transactions.ledger import payout_failure_movements, record_movements
from transactions.payout_models import (
    FAILURE_CODE_LENGTH_MAX,
    FAILURE_MESSAGE_LENGTH_MAX,
    Payout,
)
from transactions.snapshot import payout_snapshot

# The bank certainly never had the order.
BANK_UNAVAILABLE = "bank_unavailable"
ACCOUNT_REMOVED = "account_removed"
# Why a payout failed that no bank ever had.
NEVER_TAKEN = (BANK_UNAVAILABLE, ACCOUNT_REMOVED)


def pay_payout(payout: Payout, *, actor: Actor) -> None:
    """PENDING becomes PAID. The caller holds the row's lock. Raises ``PayoutStateInvalid``."""
    _require(payout, states.PAID)
    payout.paid_at = datetime.now(UTC)
    _move(payout, states.PAID, actor)


def fail_payout(payout: Payout, *, code: str, message: str | None, actor: Actor) -> None:
    """PENDING or PAID becomes FAILED, and its money is available again. The caller holds the row's
    lock. Raises ``PayoutStateInvalid``."""
    _require(payout, states.FAILED)
    payout.failure_code = code[:FAILURE_CODE_LENGTH_MAX]
    payout.failure_message = message[:FAILURE_MESSAGE_LENGTH_MAX] if message else None
    _give_back(payout)
    _move(payout, states.FAILED, actor)


def withdraw_payout(payout: Payout, *, actor: Actor) -> None:
    """PENDING becomes CANCELLED before anything was sent, and its money is available again. The
    caller holds the row's lock. Raises ``PayoutStateInvalid`` for one that was sent."""
    _require(payout, states.CANCELLED)
    if payout.sent_at is not None:
        raise PayoutStateInvalid("The payout was sent to the bank already.")
    _give_back(payout)
    _move(payout, states.CANCELLED, actor)


def _require(payout: Payout, status: str) -> None:
    if status not in states.PAYOUT_TRANSITIONS[payout.status]:
        raise PayoutStateInvalid(f"A payout that is {payout.status} can't become {status}.")


def _give_back(payout: Payout) -> None:
    record_movements(
        payout_failure_movements(payout_id=payout.pk, amount=payout.amount),
        scope=Scope(payout.merchant_id, payout.environment),
        currency=payout.currency,
        transaction_id=None,
    )


def _move(payout: Payout, status: str, actor: Actor) -> None:
    previous = payout.status
    payout.status = status
    payout.awaits_approval = payout.awaits_bank = False
    payout.updated_at = datetime.now(UTC)
    payout.save(
        update_fields=[
            "status", "awaits_approval", "awaits_bank", "paid_at", "failure_code",
            "failure_message", "updated_at",
        ]
    )  # fmt: skip
    record_event(
        aggregate=payout,
        type=f"payout.{status}",
        data=payout_snapshot(payout),
        previous={"status": previous},
        actor=actor,
    )
