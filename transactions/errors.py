"""What the payment services refuse."""

from typing import ClassVar

from payments_project.errors import Conflict


class TransactionStateInvalid(Conflict):
    """The transaction's state does not allow the act."""

    default_code: ClassVar[str] = "transaction_state_invalid"


class AmountExceedsCapturable(Conflict):
    """More was asked to be captured than was authorized."""

    default_code: ClassVar[str] = "amount_exceeds_capturable"


class BalanceInsufficient(Conflict):
    """Less is available than was asked for."""

    default_code: ClassVar[str] = "balance_insufficient"


class PayoutAccountMissing(Conflict):
    """There is no bank account to pay the currency out to."""

    default_code: ClassVar[str] = "payout_account_missing"


class PayoutAccountUnconfirmed(Conflict):
    """The bank account is new or has changed, and a second person has not confirmed it yet."""

    default_code: ClassVar[str] = "payout_account_unconfirmed"


class PayoutStateInvalid(Conflict):
    """The payout's state does not allow the act."""

    default_code: ClassVar[str] = "payout_state_invalid"


class GatewayContractBroken(Exception):
    """An adapter's answer is not one that the port allows: an error in its program.

    No refusal for a merchant to act on. Nothing is written of such an answer; what it is about
    stays as it is, and the log has it.
    """
