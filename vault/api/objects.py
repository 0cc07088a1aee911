"""The payment method as the API tells it."""

from typing import Literal

from payments_project.api.objects import ApiObject, Resource, Time
from vault.models import PaymentMethod
from vault.selectors import holder_name_of
from vault.snapshot import attached_customer


class CardObject(ApiObject):
    """What may be shown of a card."""

    brand: str | None
    last_four: str | None
    exp_month: int | None
    exp_year: int | None
    fingerprint: str
    holder_name: str | None


class PaymentMethodObject(Resource):
    """``payment_method``: ``id`` is the token, ``customer`` who it is attached to now."""

    id: str
    object: Literal["payment_method"] = "payment_method"
    type: Literal["card"]
    card: CardObject
    customer: str | None
    is_active: bool
    last_used_at: Time | None


def payment_method_object(payment_method: PaymentMethod) -> PaymentMethodObject:
    """A row as the API tells it. Decrypts it for the holder's name; raises ``CardUnreadable``."""
    expires_at = payment_method.expires_at
    return PaymentMethodObject(
        id=payment_method.token,
        environment=payment_method.environment,
        created_at=payment_method.created_at,
        type=payment_method.payment_method_type,
        card=CardObject(
            brand=payment_method.brand,
            last_four=payment_method.last_four,
            exp_month=expires_at.month if expires_at else None,
            exp_year=expires_at.year if expires_at else None,
            fingerprint=payment_method.fingerprint,
            holder_name=holder_name_of(payment_method=payment_method),
        ),
        customer=attached_customer(payment_method),
        is_active=bool(payment_method.is_active),
        last_used_at=payment_method.last_used_at,
    )
