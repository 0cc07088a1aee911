"""A card that the customer already has is given again: its row is brought up to date."""

from payments_project.actor import Actor
from payments_project.events.record import record_event
from vault.card_data import CardData
from vault.crypto.envelope import seal_card
from vault.crypto.keys import key_provider
from vault.models import PaymentMethod
from vault.selectors import binding_of, decrypt_card
from vault.snapshot import payment_method_snapshot


def renew_card(*, actor: Actor, payment_method: PaymentMethod, card: CardData) -> PaymentMethod:
    """Takes over expiry date and holder's name from ``card``, and reactivates a detached row.

    ``payment_method`` holds the same number and is locked by the caller's transaction. A name
    that is not given now stays as it was. Writes ``payment_method.attached`` for a detached one,
    ``payment_method.updated`` for an active one, nothing when nothing differs.
    """
    stored = decrypt_card(payment_method=payment_method)
    renewed = card if card.holder_name else card.with_holder_name(stored.holder_name)
    was_active = payment_method.is_active
    is_same_card = (stored.exp_year, stored.exp_month, stored.holder_name) == (
        renewed.exp_year,
        renewed.exp_month,
        renewed.holder_name,
    )
    if was_active and is_same_card:
        return payment_method

    before = payment_method_snapshot(payment_method)
    if not is_same_card:
        sealed = seal_card(
            provider=key_provider(),
            card=renewed,
            binding=binding_of(payment_method=payment_method),
        )
        payment_method.encrypted_data = sealed.encrypted_data
        payment_method.encryption_key_id = sealed.encryption_key_id
        payment_method.expires_at = renewed.expires_at
    payment_method.is_active = True
    payment_method.save(
        update_fields=["encrypted_data", "encryption_key_id", "expires_at", "is_active"]
    )
    after = payment_method_snapshot(payment_method)
    record_event(
        aggregate=payment_method,
        type="payment_method.updated" if was_active else "payment_method.attached",
        data=after,
        previous={name: before[name] for name in before if before[name] != after[name]},
        actor=actor,
    )
    return payment_method
