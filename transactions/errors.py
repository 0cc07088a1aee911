"""What the payment services refuse."""

from typing import ClassVar

from payments_project.errors import Conflict


class TransactionStateInvalid(Conflict):
    """The transaction's state does not allow the act."""

    default_code: ClassVar[str] = "transaction_state_invalid"


class AmountExceedsCapturable(Conflict):
    """More was asked to be captured than was authorized."""

    default_code: ClassVar[str] = "amount_exceeds_capturable"
