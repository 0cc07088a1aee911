"""Merchants, keys and cards for a bench, made through the product's services."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from bench.cards import new_card
from bench.load_process import HttpRequest
from merchants import states
from merchants.services.change_status import change_merchant_status
from merchants.services.create_api_key import create_api_key
from merchants.services.create_merchant import create_merchant
from payments_project.actor import SYSTEM
from payments_project.tenancy import TEST, Scope
from vault.services.tokenise_many import CardToStore, tokenise_many

# As a usual merchant pays: every payment has a fee, and so two ledger rows.
FEES = {"percent_bps": 290, "fixed": {"USD": 30}}
AMOUNT = 2500
# High enough to be no limit; each call is still counted against it.
CALLS_PER_SECOND, CALLS_PER_HOUR = 1_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """A merchant with a key that may do everything in test mode, and tokens of its cards."""

    merchant_id: UUID
    key: str
    tokens: list[str]


def make_tenants(*, count: int, cards_each: int) -> list[Tenant]:
    """Active merchants, each with one secret test key and ``cards_each`` stored cards."""
    return [_make_tenant(number, cards_each) for number in range(count)]


def payment_request(tenant: Tenant, *, token: str) -> HttpRequest:
    """A payment of one card, captured at once."""
    content = {"amount": AMOUNT, "currency": "USD", "payment_method": token}
    return HttpRequest(path="/v1/transactions", key=tenant.key, body=json.dumps(content))


def _make_tenant(number: int, cards_each: int) -> Tenant:
    merchant = create_merchant(
        actor=SYSTEM,
        business_name=f"Bench {number}",
        email=f"bench-{uuid4().hex}@example.com",
        fee_structure=FEES,
    )
    scope = Scope(merchant.pk, TEST)
    with transaction.atomic():
        change_merchant_status(merchant_id=merchant.pk, status=states.ACTIVE, actor=SYSTEM)
        _, key = create_api_key(
            scope=scope,
            actor=SYSTEM,
            name="bench",
            permissions=["*"],
            rate_limits=(CALLS_PER_SECOND, CALLS_PER_HOUR),
        )
    cards = [CardToStore(new_card()) for _ in range(cards_each)]
    return Tenant(
        merchant.pk, key, tokenise_many(scope=scope, actor=SYSTEM, cards=cards) if cards else []
    )
