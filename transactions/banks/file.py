"""A bank that is handed a file (``transactions.banks.pain001``) and answers by no call."""

from uuid import UUID

from transactions.banks.interface import BankResult, PaymentOrder
from transactions.gateways.interface import Outcome


class FileBank:
    """Takes no call: its orders are exported, and staff record what became of them."""

    name = "file"
    is_by_file = True

    def send(self, order: PaymentOrder) -> BankResult:
        return BankResult(Outcome.UNAVAILABLE, message="Its orders go out in a file.")

    def lookup(self, *, reference: UUID) -> BankResult:
        return BankResult(Outcome.UNKNOWN, message="It is asked by nobody.")

    def bar(self, *, reference: UUID) -> BankResult:
        return BankResult(Outcome.UNKNOWN, message="It is asked by nobody.")
