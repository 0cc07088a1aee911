"""What the world may know of a payment method: the ``data`` of its events."""

from datetime import UTC, datetime
from typing import Any

from vault.models import PaymentMethod


def attached_customer(payment_method: PaymentMethod) -> str | None:
    """The id of the customer that it is attached to now; None once it is detached."""
    if payment_method.customer_id is None or not payment_method.is_active:
        return None
    return str(payment_method.customer_id)


def payment_method_snapshot(payment_method: PaymentMethod) -> dict[str, Any]:
    """The API's object without what is personal (the holder's name) and without the identity.

    ``id``, ``object`` and ``environment`` are added by the event log. ``INSERT_CARDS`` in
    ``vault.insertion`` writes the same in SQL; a test holds the two against each other.
    """
    expires_at = payment_method.expires_at
    return {
        "type": payment_method.payment_method_type,
        "card": {
            "brand": payment_method.brand,
            "last_four": payment_method.last_four,
            "exp_month": expires_at.month if expires_at else None,
            "exp_year": expires_at.year if expires_at else None,
            "fingerprint": payment_method.fingerprint,
        },
        "customer": attached_customer(payment_method),
        "is_active": payment_method.is_active,
        "created_at": _rfc3339(payment_method.created_at),
        "last_used_at": _rfc3339(payment_method.last_used_at),
    }


def _rfc3339(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
