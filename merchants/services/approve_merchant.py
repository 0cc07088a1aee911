"""Approving a merchant, and the checklist that comes before."""

from uuid import UUID

from merchants import states
from merchants.errors import ChecklistIncomplete, MerchantStateInvalid
from merchants.locking import lock_merchant
from merchants.models import Merchant, MerchantCheck
from merchants.onboarding import checklist, ticked_items
from merchants.services.change_status import change_merchant_status
from payments_project.actor import Actor
from payments_project.errors import InvalidInput

VERIFIED = "verified"


def approve_merchant(*, merchant_id: UUID, actor: Actor) -> Merchant:
    """Makes a pending account active and verified, in the caller's transaction. Locks its row.

    Raises ``ChecklistIncomplete`` naming what is missing, ``MerchantStateInvalid``,
    ``ResourceMissing``.
    """
    merchant = lock_merchant(merchant_id)
    if merchant.status != states.PENDING:
        raise MerchantStateInvalid(f"The account is {merchant.status} already.")
    missing = [checked.item.title for checked in checklist(merchant) if not checked.is_done]
    if missing:
        raise ChecklistIncomplete(f"Not done yet: {', '.join(missing)}.")
    Merchant.objects.filter(pk=merchant_id).update(verification_status=VERIFIED)
    return change_merchant_status(merchant_id=merchant_id, status=states.ACTIVE, actor=actor)


def tick_item(*, merchant_id: UUID, item: str, note: str, actor: Actor) -> None:
    """Ticks an item of the checklist, in the caller's transaction. Locks the merchant's row.

    Raises ``InvalidInput`` for an item that nobody ticks, ``MerchantStateInvalid`` for one that is
    ticked or an account that is closed, ``ResourceMissing``.
    """
    merchant = _lock_open(merchant_id)
    if item not in {known.name for known in ticked_items()}:
        raise InvalidInput("No such item.", param="item")
    if MerchantCheck.objects.filter(merchant=merchant, item=item).exists():
        raise MerchantStateInvalid("Somebody has ticked it already.")
    MerchantCheck(merchant=merchant, item=item, note=note, done_by=actor.id).save(force_insert=True)


def untick_item(*, merchant_id: UUID, item: str) -> None:
    """Takes a tick away, in the caller's transaction; an account that is active stays so. Locks the
    merchant's row. Raises ``MerchantStateInvalid`` without a tick, ``ResourceMissing``."""
    merchant = _lock_open(merchant_id)
    deleted, _ = MerchantCheck.objects.filter(merchant=merchant, item=item).delete()
    if not deleted:
        raise MerchantStateInvalid("It is not ticked.")


def _lock_open(merchant_id: UUID) -> Merchant:
    merchant = lock_merchant(merchant_id)
    if merchant.status == states.CLOSED:
        raise MerchantStateInvalid("The account is closed.")
    return merchant
