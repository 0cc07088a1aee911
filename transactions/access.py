"""The one door to a tenant's transactions."""

from uuid import UUID

from django.db.models import QuerySet

from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from transactions.models import LedgerEntry, Transaction


def transactions_of(scope: Scope) -> "QuerySet[Transaction]":
    """All transactions of a merchant in an environment."""
    return Transaction.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_transaction(*, scope: Scope, transaction_id: UUID, param: str | None = None) -> Transaction:
    """One transaction. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    transaction = transactions_of(scope).filter(pk=transaction_id).first()
    if transaction is None:
        raise ResourceMissing(f"No such transaction: {transaction_id}", param=param)
    return transaction


def ledger_entries_of(scope: Scope) -> "QuerySet[LedgerEntry]":
    """All ledger entries of a merchant in an environment."""
    return LedgerEntry.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)
