"""The demo merchant's latest hour: done through the API, as people would do it.

It leaves what the written history can't have: idempotency keys with their replies, operations at
the gateway, a gateway's message that the worker will deliver, an act in the audit trail.
"""

import uuid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from merchants.models import Merchant
from merchants.services.create_api_key import create_api_key
from merchants.services.revoke_api_key import revoke_api_key
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.models import StaffUser
from payments_project.staff.audit import record_audit
from payments_project.tenancy import TEST, Scope

PAYMENTS = 5

_VISA = "4242424242424242"
_MASTERCARD = "5555555555554444"
_CONFIRMED_LATER = "4000000000006033"


def do_business(*, merchant: Merchant, key: str, staff: StaffUser) -> int:
    """Takes ``PAYMENTS`` payments with a secret test ``key``, captures, cancels and refunds, and
    has ``staff`` revoke a key; returns the number of payments.

    Raises ``RuntimeError`` if the API answers other than it should.
    """
    shop = _Shop(key)
    shop.pay(_VISA, 3_450, "Espresso blend, 1 kg")
    shop.pay(_CONFIRMED_LATER, 5_900, "Subscription, three months")

    parcel = shop.pay(_MASTERCARD, 8_800, "Two grinders, one out of stock", capture=False)
    shop.post(f"transactions/{parcel}/capture", {"amount": 4_400})

    reserved = shop.pay(_VISA, 12_000, "Tasting for six, called off", capture=False)
    shop.post(f"transactions/{reserved}/cancel", {})

    broken = shop.pay(_MASTERCARD, 2_600, "Filter cone")
    shop.post(
        "refunds", {"transaction": broken, "amount": 2_600, "reason": "requested_by_customer"}
    )

    _revoke_key(merchant, staff)
    return PAYMENTS


class _Shop:
    """The merchant's server, calling the API within this process."""

    def __init__(self, key: str) -> None:
        self._client = _client(Authorization=f"Bearer {key}")

    def pay(self, number: str, amount: int, description: str, *, capture: bool = True) -> str:
        """Takes a payment with a card of its own; returns the transaction's id."""
        card = self.post(
            "payment_methods",
            {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034}},
        )
        payment = {
            "amount": amount,
            "currency": "USD",
            "payment_method": card["id"],
            "capture": capture,
            "description": description,
        }
        return str(self.post("transactions", payment)["id"])

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self._client.post(
            f"/v1/{path}",
            body,
            content_type="application/json",
            headers={"Idempotency-Key": f"order-{uuid.uuid4().hex[:12]}"},
        )
        if response.status_code not in (200, 201):
            raise RuntimeError(f"/v1/{path} answered {response.status_code}: {response.text}")
        answer: dict[str, Any] = response.json()
        return answer


def _revoke_key(merchant: Merchant, staff: StaffUser) -> None:
    """A key that nobody needs any more, revoked as its button in the console does it: signing in is
    for people."""
    scope = Scope(merchant.pk, TEST)
    old, _ = run_in_transaction(
        lambda: create_api_key(
            scope=scope,
            actor=SYSTEM,
            name="Old till",
            key_type="secret",
            permissions=("transactions:read", "transactions:write"),
        )
    )

    def revoke() -> None:
        revoke_api_key(scope=scope, api_key_id=old.pk, actor=Actor(kind="staff", id=staff.pk))
        record_audit(
            user=staff,
            action="api_key.revoked",
            obj=old,
            before={"is_active": True},
            after={"is_active": False},
            reason="The till was replaced; asked for by the owner, ticket 1042.",
        )

    run_in_transaction(revoke)


def _client(**headers: str) -> Client:
    """A client whom the settings take for one of our own address."""
    address = urlsplit(settings.PUBLIC_URL)
    return Client(headers={"Host": address.netloc, **headers})
