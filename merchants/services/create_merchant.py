"""Opening an account."""

from collections.abc import Callable
from typing import Any

from merchants.models import Merchant
from merchants.snapshot import merchant_snapshot
from merchants.terms import make_terms
from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import InvalidInput
from payments_project.events.record import record_event


def create_merchant(
    *,
    actor: Actor,
    business_name: str,
    email: str,
    within: Callable[[Merchant], None] | None = None,
    **details: Any,
) -> Merchant:
    """Opens an account; ``details`` are further columns of ``Merchant``. It starts as pending.

    Checks ``fee_structure`` and ``processing_config`` by reading them as the payment path would.
    ``within`` writes what belongs to it, in its transaction. Raises ``InvalidInput`` for an address
    that another account has.
    """
    merchant = Merchant(business_name=business_name, email=email, **details)
    if not isinstance(details.get("address"), dict):
        merchant.address = {}
    make_terms(
        fee_structure=merchant.fee_structure or {},
        settlement_delay_days=merchant.settlement_delay_days,
        processing_config=merchant.processing_config or {},
    )

    def work() -> Merchant:
        if Merchant.objects.filter(email=email).exists():
            raise InvalidInput("Another account has that address.", param="email")
        merchant.save(force_insert=True)
        if within:
            within(merchant)
        record_event(
            aggregate=merchant,
            type="merchant.updated",
            data=merchant_snapshot(merchant),
            actor=actor,
            merchant_id=merchant.pk,
        )
        return merchant

    return run_in_transaction(work)
