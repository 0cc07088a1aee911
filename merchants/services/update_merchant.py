"""Changing what is known of a merchant, and its terms."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from merchants import states
from merchants.errors import MerchantStateInvalid
from merchants.locking import lock_merchant
from merchants.models import Merchant
from merchants.snapshot import merchant_snapshot
from merchants.terms import make_terms
from payments_project.actor import Actor
from payments_project.errors import InvalidInput
from payments_project.events.record import record_event

DETAILS = (
    "business_name", "legal_name", "business_type", "tax_id", "email", "phone", "website", "address",
)  # fmt: skip
TERMS = (
    "settlement_currency", "settlement_delay_days", "daily_limit", "monthly_limit", "fee_structure",
    "processing_config",
)  # fmt: skip
RISK = ("risk_level",)
CHANGEABLE = frozenset((*DETAILS, *TERMS, *RISK))


def update_merchant(
    *, merchant_id: UUID, changes: Mapping[str, Any], actor: Actor
) -> tuple[Merchant, dict[str, Any]]:
    """Sets the columns in ``changes``, in the caller's transaction; returns the merchant and the old
    values of what has changed, nothing where nothing did. Locks its row.

    New terms hold for payments captured from now on, everywhere within ``terms.TERMS_SECONDS``.
    The settlement currency is fixed once the account is active: totals count in it. Raises
    ``InvalidInput`` for an address of another account and for terms that can't be read,
    ``MerchantStateInvalid``, ``ResourceMissing``; ``ValueError`` for a column that is not to be
    changed so.
    """
    unknown = set(changes) - CHANGEABLE
    if unknown:
        raise ValueError(f"not to be changed: {sorted(unknown)}")
    merchant = lock_merchant(merchant_id)
    if merchant.status == states.CLOSED:
        raise MerchantStateInvalid("The account is closed.")
    before = {
        name: getattr(merchant, name)
        for name, value in changes.items()
        if getattr(merchant, name) != value
    }
    if not before:
        return merchant, {}
    if "settlement_currency" in before and merchant.status != states.PENDING:
        raise MerchantStateInvalid("The settlement currency is fixed once the account is active.")
    told = merchant_snapshot(merchant)
    for name in before:
        setattr(merchant, name, changes[name])
    _check(merchant, before)
    merchant.updated_at = datetime.now(UTC)
    merchant.save(update_fields=[*before, "updated_at"])
    record_event(
        aggregate=merchant,
        type="merchant.updated",
        data=merchant_snapshot(merchant),
        previous={name: value for name, value in told.items() if name in before},
        actor=actor,
        merchant_id=merchant.pk,
    )
    return merchant, before


def _check(merchant: Merchant, before: Mapping[str, Any]) -> None:
    others = Merchant.objects.filter(email=merchant.email).exclude(pk=merchant.pk)
    if "email" in before and others.exists():
        raise InvalidInput("Another account has that address.", param="email")
    try:
        make_terms(
            fee_structure=merchant.fee_structure,
            settlement_delay_days=merchant.settlement_delay_days,
            processing_config=merchant.processing_config,
        )
    except ValidationError as error:
        raise InvalidInput(f"The terms can't be read: {error.errors()[0]['msg']}") from error
