"""What the payment services refuse."""

from typing import ClassVar

from payments_project.errors import Conflict


class TransactionStateInvalid(Conflict):
    """The transaction's state does not allow the act."""

    default_code: ClassVar[str] = "transaction_state_invalid"


class AmountExceedsCapturable(Conflict):
    """More was asked to be captured than was authorized."""

    default_code: ClassVar[str] = "amount_exceeds_capturable"


class GatewayContractBroken(Exception):
    """An adapter's answer is not one that the port allows: an error in its program.

    No refusal for a merchant to act on. Nothing is written of such an answer; what it is about
    stays as it is, and the log has it.
    """
