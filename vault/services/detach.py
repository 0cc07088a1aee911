"""Detaching a payment method."""

from django.db import router, transaction

from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from vault.locking import lock_payment_method
from vault.models import PaymentMethod
from vault.snapshot import payment_method_snapshot


def detach_payment_method(*, scope: Scope, actor: Actor, token: str) -> PaymentMethod:
    """Takes a payment method out of use: it can't be charged any more, attached or not.

    The row stays, with its customer, so that the same card tokenised again for that customer gets
    its token back, and past payments keep what they point at. Detaching twice changes nothing.
    Raises ``ResourceMissing``. Holds the row's lock to the end of the transaction.
    """
    with transaction.atomic(using=router.db_for_write(PaymentMethod)):
        payment_method = lock_payment_method(scope=scope, token=token)
        if not payment_method.is_active:
            return payment_method
        before = payment_method_snapshot(payment_method)
        payment_method.is_active = False
        payment_method.save(update_fields=["is_active"])
        after = payment_method_snapshot(payment_method)
        record_event(
            aggregate=payment_method,
            type="payment_method.detached",
            data=after,
            previous={name: before[name] for name in before if before[name] != after[name]},
            actor=actor,
        )
        return payment_method
