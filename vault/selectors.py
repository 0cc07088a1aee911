"""Reads of payment methods."""

from uuid import UUID

from django.db.models import QuerySet

from payments_project.tenancy import Scope
from vault.access import payment_methods_of
from vault.card_data import CardData
from vault.crypto.envelope import Sealed, row_binding, scope_binding, unseal_card
from vault.crypto.keys import key_provider
from vault.models import PaymentMethod


def list_payment_methods(
    *, scope: Scope, customer_id: UUID | None = None
) -> QuerySet[PaymentMethod]:
    """Active payment methods, newest first: the merchant's, or those attached to one customer."""
    rows = payment_methods_of(scope=scope).filter(is_active=True)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    return rows.order_by("-created_at", "-token")


def decrypt_card(*, payment_method: PaymentMethod) -> CardData:
    """The card inside a row that was already read.

    Raises ``CardUnreadable`` when it was altered, and ``EncryptionKeyUnknown`` when the key ring
    lacks its key.
    """
    return unseal_card(
        provider=key_provider(),
        sealed=Sealed(bytes(payment_method.encrypted_data), payment_method.encryption_key_id),
        binding=binding_of(payment_method=payment_method),
        brand=payment_method.brand or "",
    )


def binding_of(*, payment_method: PaymentMethod) -> bytes:
    """What ties the row's envelope to it."""
    scope = scope_binding(
        merchant_id=payment_method.merchant_id, environment=payment_method.environment
    )
    return row_binding(scope=scope, token=payment_method.token)


def holder_name_of(*, payment_method: PaymentMethod) -> str | None:
    """The card holder's name, which is stored encrypted with the number."""
    return decrypt_card(payment_method=payment_method).holder_name
