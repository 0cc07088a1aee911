"""Attaching a payment method to a customer."""

from uuid import UUID

import psycopg
from django.db import IntegrityError, router, transaction

from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from vault.customers import check_customer
from vault.errors import PaymentMethodAlreadyAttached, PaymentMethodDetached
from vault.locking import lock_card_of_customer, lock_payment_method
from vault.models import PaymentMethod
from vault.renewal import renew_card
from vault.selectors import decrypt_card
from vault.snapshot import payment_method_snapshot

_CARD_ONCE = "payment_methods_vault_customer_id_fingerprint_key"


def attach_payment_method(
    *, scope: Scope, actor: Actor, token: str, customer_id: UUID
) -> PaymentMethod:
    """Makes the customer the owner of a payment method that has none yet.

    Attaching again to the same customer changes nothing. When the customer has the same card
    under another token already, that one is returned, brought up to date (and active again if it
    was detached), and ``token`` stays as it was: a customer has a card once.

    Raises ``ResourceMissing`` (with ``param="customer"`` for the customer),
    ``PaymentMethodAlreadyAttached`` when another customer owns it, and ``PaymentMethodDetached``.
    Holds the rows' locks to the end of the transaction.
    """
    with transaction.atomic(using=router.db_for_write(PaymentMethod)):
        payment_method = lock_payment_method(scope=scope, token=token)
        check_customer(scope=scope, customer_id=customer_id)
        if not payment_method.is_active:
            raise PaymentMethodDetached(
                "This payment method was detached. Tokenise the card again to use it."
            )
        if payment_method.customer_id == customer_id:
            return payment_method
        if payment_method.customer_id is not None:
            raise PaymentMethodAlreadyAttached(
                "This payment method is already attached to another customer."
            )
        if not _claim(payment_method, customer_id):
            return _renew_twin(scope, actor, payment_method, customer_id)
        record_event(
            aggregate=payment_method,
            type="payment_method.attached",
            data=payment_method_snapshot(payment_method),
            previous={"customer": None},
            actor=actor,
        )
        return payment_method


def _claim(payment_method: PaymentMethod, customer_id: UUID) -> bool:
    """Sets the customer; False if that customer has the same card under another token."""
    try:
        with transaction.atomic(using=payment_method._state.db):
            payment_method.customer_id = customer_id
            payment_method.save(update_fields=["customer_id"])
    except IntegrityError as error:
        payment_method.customer_id = None
        cause = error.__cause__
        if not isinstance(cause, psycopg.Error) or cause.diag.constraint_name != _CARD_ONCE:
            raise
        return False
    return True


def _renew_twin(
    scope: Scope, actor: Actor, payment_method: PaymentMethod, customer_id: UUID
) -> PaymentMethod:
    twin = lock_card_of_customer(
        scope=scope, customer_id=customer_id, fingerprint=payment_method.fingerprint
    )
    if twin is None:
        raise RuntimeError("a payment method vanished; rows of the vault are never deleted")
    return renew_card(
        actor=actor, payment_method=twin, card=decrypt_card(payment_method=payment_method)
    )
