"""The only place where rows of the vault are locked.

Order: the row of the token in hand first, then the row that its customer and fingerprint already
have; all of a customer's in the order of their tokens. Locks are FOR NO KEY UPDATE: nothing references these rows.
"""

from uuid import UUID

from payments_project.tenancy import Scope
from vault.access import payment_method_missing, payment_methods_of
from vault.crypto.tokens import is_token
from vault.models import PaymentMethod


def lock_payment_method(*, scope: Scope, token: str) -> PaymentMethod:
    """The payment method, locked until the transaction's end. Raises ``ResourceMissing``."""
    if is_token(token):
        rows = payment_methods_of(scope=scope).select_for_update(no_key=True)
        found = rows.filter(token=token).first()
        if found is not None:
            return found
    raise payment_method_missing(param=None)


def lock_card_of_customer(
    *, scope: Scope, customer_id: UUID, fingerprint: str
) -> PaymentMethod | None:
    """The customer's row of a card, attached or detached, locked; None if there is none."""
    rows = payment_methods_of(scope=scope).select_for_update(no_key=True)
    return rows.filter(customer_id=customer_id, fingerprint=fingerprint).first()


def lock_cards_of_customer(*, scope: Scope, customer_id: UUID) -> list[PaymentMethod]:
    """All cards of a customer, detached ones included, locked."""
    rows = payment_methods_of(scope=scope).select_for_update(no_key=True)
    return list(rows.filter(customer_id=customer_id).order_by("token"))
