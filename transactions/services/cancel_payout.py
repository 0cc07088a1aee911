"""Cancelling a payout that was not sent yet."""

from uuid import UUID

from payments_project.actor import Actor
from payments_project.tenancy import Scope
from transactions.locking import lock_payout
from transactions.payout_models import Payout
from transactions.services.finish_payout import withdraw_payout


def cancel_payout(*, scope: Scope, payout_id: UUID, actor: Actor) -> Payout:
    """Cancels it and makes its money available again, in the caller's transaction. Locks its row.

    Raises ``PayoutStateInvalid`` once it was sent or decided, ``ResourceMissing``.
    """
    payout = lock_payout(payout_id, scope=scope)
    withdraw_payout(payout, actor=actor)
    return payout
