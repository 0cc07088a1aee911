"""What the payment method endpoints take."""

from typing import Literal

from pydantic import SecretStr

from payments_project.api.bodies import Body, Id


class CardBody(Body):
    """A card in a body. ``SecretStr`` prints as asterisks, in models and in errors.

    Only types are checked here; what a card must be is ``vault.cards``' to say.
    """

    number: SecretStr
    exp_month: int
    exp_year: int
    cvc: SecretStr | None = None
    holder_name: str | None = None


class CreatePaymentMethod(Body):
    """``POST /v1/payment_methods``."""

    type: Literal["card"]
    card: CardBody
    customer: Id | None = None


class AttachPaymentMethod(Body):
    """``POST /v1/payment_methods/{token}/attach``."""

    customer: Id


class DetachPaymentMethod(Body):
    """``POST /v1/payment_methods/{token}/detach``: takes nothing."""
