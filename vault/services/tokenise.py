"""Tokenising one card."""

from uuid import UUID

from django.db import router, transaction

from payments_project.actor import Actor
from payments_project.tenancy import Scope
from vault.card_data import CardData
from vault.customers import check_customer
from vault.insertion import CardSealer, NewCard, insert_card
from vault.locking import lock_card_of_customer
from vault.models import PaymentMethod
from vault.renewal import renew_card


def tokenise_card(
    *, scope: Scope, actor: Actor, card: CardData, customer_id: UUID | None = None
) -> PaymentMethod:
    """Stores ``card`` encrypted behind a token; ``was_created`` tells whether the token is new.

    The same card (by number) of the same customer keeps its token: expiry date and holder's name
    are brought up to date, and a detached one becomes active again. Concurrent calls for the same
    customer's card yield one row. Without a customer every call makes a token.

    A security code is no argument: ``cards.parse_card`` checks its form and drops it, and nothing
    stores it. Raises ``ResourceMissing`` with ``param="customer"`` for a customer that is not the
    merchant's or was deleted. Writes ``payment_method.created``, ``.attached`` or ``.updated`` in
    the transaction of the change.
    """
    if customer_id is not None:
        check_customer(scope=scope, customer_id=customer_id)
    new = CardSealer(scope=scope).seal(card, customer_id=customer_id)
    inserted = insert_card(scope=scope, actor=actor, new=new)
    return inserted or renew_existing(scope=scope, actor=actor, new=new)


def renew_existing(*, scope: Scope, actor: Actor, new: NewCard) -> PaymentMethod:
    """Brings up to date the row that kept ``new`` from being inserted."""
    if new.customer_id is None:
        raise RuntimeError("a card without a customer can't be there already")
    with transaction.atomic(using=router.db_for_write(PaymentMethod)):
        existing = lock_card_of_customer(
            scope=scope, customer_id=new.customer_id, fingerprint=new.fingerprint
        )
        if existing is None:
            raise RuntimeError("a payment method vanished; rows of the vault are never deleted")
        return renew_card(actor=actor, payment_method=existing, card=new.card)
