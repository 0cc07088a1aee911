"""Correcting a merchant's balance."""

from uuid import UUID

from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions.errors import BalanceInsufficient
from transactions.ledger import adjustment_movements, record_movements
from transactions.locking import lock_balance
from transactions.payout_models import BalanceAdjustment
from transactions.services.create_payout import available_now
from transactions.snapshot import adjustment_snapshot


def adjust_balance(
    *,
    scope: Scope,
    amount: int,
    currency: str,
    reason: str,
    actor: Actor,
    approved_by: UUID | None = None,
    may_overdraw: bool = False,
) -> BalanceAdjustment:
    """Gives ``amount`` (minor units) to the merchant's available money, or takes it below zero.

    In the caller's transaction. What is taken must be available, under the balance row's lock,
    unless it ``may_overdraw``: a correction of what was paid out already has to be possible, and
    has to be meant. Raises ``BalanceInsufficient``.
    """
    if amount < 0 and not may_overdraw:
        lock_balance(scope=scope, currency=currency)
        available = available_now(scope, currency)
        if -amount > available:
            raise BalanceInsufficient(
                f"Only {max(available, 0)} of {currency} (minor units) is available.",
                param="amount",
            )
    adjustment = BalanceAdjustment(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        currency=currency,
        amount=amount,
        reason=reason,
        requested_by=actor.id,
        approved_by=approved_by,
    )
    adjustment.save(force_insert=True)
    record_movements(
        adjustment_movements(adjustment_id=adjustment.pk, amount=amount),
        scope=scope,
        currency=currency,
        transaction_id=None,
    )
    record_event(
        aggregate=adjustment,
        type="balance_adjustment.created",
        data=adjustment_snapshot(adjustment),
        actor=actor,
    )
    return adjustment
