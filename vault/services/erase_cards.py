"""Erasing what the vault holds of a customer who was deleted."""

from uuid import UUID

from django.db import router, transaction

from payments_project.actor import Actor
from payments_project.idempotency.keys import forget_secrets
from payments_project.tenancy import Scope
from vault.crypto.envelope import seal_card
from vault.crypto.keys import key_provider
from vault.locking import lock_cards_of_customer
from vault.models import PaymentMethod
from vault.selectors import binding_of, decrypt_card
from vault.services.detach import detach_payment_method


def erase_cards(scope: Scope, customer_id: UUID, actor: Actor) -> None:
    """Detaches every card of the customer and forgets the holders' names, also in stored replies.

    The rows stay, number and all: refunds and disputes of past payments may need them. Holds their
    locks to the end of the transaction, which is the caller's where the vault is in its database.
    """
    with transaction.atomic(using=router.db_for_write(PaymentMethod)):
        cards = lock_cards_of_customer(scope=scope, customer_id=customer_id)
        forget_secrets(scope=scope, resource_ids=[card.token for card in cards])
        for payment_method in cards:
            _forget_holder(payment_method)
            detach_payment_method(scope=scope, actor=actor, token=payment_method.token)


def _forget_holder(payment_method: PaymentMethod) -> None:
    card = decrypt_card(payment_method=payment_method)
    if card.holder_name is None:
        return
    sealed = seal_card(
        provider=key_provider(),
        card=card.with_holder_name(None),
        binding=binding_of(payment_method=payment_method),
    )
    payment_method.encrypted_data = sealed.encrypted_data
    payment_method.encryption_key_id = sealed.encryption_key_id
    payment_method.save(update_fields=["encrypted_data", "encryption_key_id"])
