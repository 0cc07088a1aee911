"""Activating, suspending and closing an account."""

from datetime import UTC, datetime
from uuid import UUID

from merchants import states
from merchants.errors import MerchantStateInvalid
from merchants.locking import lock_merchant
from merchants.models import Merchant
from merchants.snapshot import merchant_snapshot
from payments_project.actor import Actor
from payments_project.events.record import record_event


def change_merchant_status(*, merchant_id: UUID, status: str, actor: Actor) -> Merchant:
    """Moves the account to ``status``, in the caller's transaction. Locks its row.

    Raises ``MerchantStateInvalid`` where ``states`` has no such move, ``ResourceMissing``.
    """
    merchant = lock_merchant(merchant_id)
    if status not in states.TRANSITIONS[merchant.status]:
        raise MerchantStateInvalid(f"An account that is {merchant.status} can't become {status}.")
    previous = merchant.status
    merchant.status = status
    merchant.updated_at = datetime.now(UTC)
    merchant.save(update_fields=["status", "updated_at"])
    record_event(
        aggregate=merchant,
        type="merchant.updated",
        data=merchant_snapshot(merchant),
        previous={"status": previous},
        actor=actor,
        merchant_id=merchant.pk,
    )
    return merchant
