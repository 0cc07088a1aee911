"""What the world may know of a payment method: the ``data`` of its events."""

from datetime import date
from typing import Any, Protocol
from uuid import UUID


class Summary(Protocol):
    """What may be shown of a payment method: a row has it, and a card about to be stored."""

    @property
    def payment_method_type(self) -> str: ...
    @property
    def brand(self) -> str | None: ...
    @property
    def last_four(self) -> str | None: ...
    @property
    def expires_at(self) -> date | None: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def customer_id(self) -> UUID | None: ...
    @property
    def is_active(self) -> bool | None: ...


def attached_customer(summary: Summary) -> str | None:
    """The id of the customer that it is attached to now; None once it is detached."""
    if summary.customer_id is None or not summary.is_active:
        return None
    return str(summary.customer_id)


def payment_method_snapshot(summary: Summary) -> dict[str, Any]:
    """The payment method as its events show it: the safe summary, without the holder's name."""
    expires_at = summary.expires_at
    return {
        "type": summary.payment_method_type,
        "card": {
            "brand": summary.brand,
            "last_four": summary.last_four,
            "exp_month": expires_at.month if expires_at else None,
            "exp_year": expires_at.year if expires_at else None,
            "fingerprint": summary.fingerprint,
        },
        "customer": attached_customer(summary),
        "is_active": bool(summary.is_active),
    }
