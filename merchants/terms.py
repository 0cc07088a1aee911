"""A merchant's terms: what a payment costs, when its money is available, in which currencies."""

import threading
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from merchants.fees import FeeStructure
from payments_project.errors import InvalidInput, ResourceMissing

TERMS_SECONDS = 5.0
_CACHED_MAX = 10_000
# In ``processing_config``.
CREDITS_RECORDED = "credits_recorded_payments"


@dataclass(frozen=True, slots=True)
class MerchantTerms:
    """What the payment path needs of a merchant; ``currencies`` is None where all are allowed.

    ``credits_recorded``: the money of payments that the merchant records as taken elsewhere came to
    us, and is the merchant's with us. False where the merchant has it: then it is not credited.
    """

    fees: FeeStructure
    settlement_delay_days: int
    currencies: frozenset[str] | None = None
    credits_recorded: bool = False

    def fee_for(self, *, amount: int, currency: str, brand: str | None) -> int:
        """Our fee on a captured amount; minor units."""
        return self.fees.rate_for(brand).fee(amount=amount, currency=currency)

    def dispute_fee(self, currency: str) -> int:
        """What a chargeback costs besides its amount; minor units."""
        return self.fees.dispute.get(currency, 0)

    def require_currency(self, currency: str) -> None:
        """Raises ``InvalidInput`` for a currency that the merchant does not take."""
        if self.currencies is not None and currency not in self.currencies:
            raise InvalidInput(
                f"This account does not take {currency}.",
                param="currency",
                code="currency_not_supported",
            )


def make_terms(
    *,
    fee_structure: dict[str, Any] | None,
    settlement_delay_days: int,
    processing_config: dict[str, Any] | None,
) -> MerchantTerms:
    """Terms from a merchant's columns."""
    config = processing_config or {}
    currencies = config.get("currencies")
    return MerchantTerms(
        fees=FeeStructure.model_validate(fee_structure or {}),
        settlement_delay_days=settlement_delay_days,
        currencies=frozenset(currencies) if currencies else None,
        credits_recorded=bool(config.get(CREDITS_RECORDED, False)),
    )


_cache: dict[UUID, tuple[float, MerchantTerms]] = {}
_cache_lock = threading.Lock()


def get_terms(merchant_id: UUID) -> MerchantTerms:
    """A merchant's terms, at most five seconds old. Raises ``ResourceMissing``."""
    cached = _cache.get(merchant_id)
    now = time.monotonic()
    if cached is not None and now < cached[0]:
        return cached[1]
    from merchants.models import Merchant

    row = (
        Merchant.objects.filter(pk=merchant_id)
        .values("fee_structure", "settlement_delay_days", "processing_config")
        .first()
    )
    if row is None:
        raise ResourceMissing(f"No such merchant: {merchant_id}")
    terms = make_terms(**row)
    with _cache_lock:
        if len(_cache) >= _CACHED_MAX:
            _cache.clear()
        _cache[merchant_id] = (now + TERMS_SECONDS, terms)
    return terms
