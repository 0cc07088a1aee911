"""What the vault refuses, and what it finds broken. Nothing here ever holds card data."""

from payments_project.errors import Conflict, InvalidInput, PermissionDenied


class InvalidCard(InvalidInput):
    """Some of the card's details are at fault; ``param`` names the first, ``errors`` several."""


class CustomerNotAllowed(PermissionDenied):
    """A publishable key named a customer: only the merchant's own server may attach."""

    default_code = "customer_not_allowed"


class PaymentMethodAlreadyAttached(Conflict):
    """The payment method belongs to another customer."""

    default_code = "payment_method_already_attached"


class PaymentMethodDetached(Conflict):
    """The payment method was detached; tokenising the card again is the way back."""

    default_code = "payment_method_detached"


class CardUnreadable(Exception):
    """Stored card data failed authentication or has an unknown layout: altered, moved, or cut.

    No refusal but a fault of ours: the API answers 500 without its text, and logs it.
    """


class EncryptionKeyUnknown(CardUnreadable):
    """The row's key id is not in the key ring: retired too early, or never configured here."""

    def __init__(self, *, key_id: str) -> None:
        super().__init__(
            f"encryption key {key_id!r} is not in the vault's key ring: retired or unknown"
        )
        self.key_id = key_id
