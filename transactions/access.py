"""The one door to a tenant's transactions."""

from uuid import UUID

from django.db import router
from django.db.models import QuerySet

from payments_project.database.statements import fetch_one
from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from transactions.gateways.external import EXTERNAL
from transactions.models import LedgerEntry, Transaction
from transactions.payout_models import ExternalReference, Payout

# A day earlier, because the clock of a server that took over may be behind.
_HISTORY_START = """
    SELECT uuidv7_floor(history_starts_at - interval '1 day') FROM merchants WHERE id = %s"""


def transactions_of(scope: Scope) -> "QuerySet[Transaction]":
    """All transactions of a merchant in an environment."""
    return Transaction.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def history_of(scope: Scope) -> "QuerySet[Transaction]":
    """All transactions of a merchant in an environment, for lists.

    The same as ``transactions_of``, without looking into the months before the merchant's first: a
    list that finds less than a page would ask each month of all years. That one is looked up now,
    and not remembered: a payment of an earlier month may have been recorded since.
    """
    start = history_start(scope)
    rows = transactions_of(scope)
    return rows.filter(pk__gte=start) if start else rows.none()


def history_start(scope: Scope) -> UUID | None:
    """An id that none of a merchant's transactions is before; None of a merchant that does not
    exist. It moves when a payment of an earlier time is recorded."""
    row = fetch_one(_HISTORY_START, [scope.merchant_id], using=router.db_for_read(Transaction))
    return row[0] if row else None


def get_transaction(*, scope: Scope, transaction_id: UUID, param: str | None = None) -> Transaction:
    """One transaction. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    transaction = transactions_of(scope).filter(pk=transaction_id).first()
    if transaction is None:
        raise ResourceMissing(f"No such transaction: {transaction_id}", param=param)
    return transaction


def is_credited(transaction: Transaction) -> bool:
    """Whether the payment's money came to us: of all but recorded ones that were booked as the
    merchant's own."""
    if transaction.gateway_name != EXTERNAL:
        return True
    own = ExternalReference.objects.filter(transaction_id=transaction.pk, is_credited=False)
    return not own.exists()


def ledger_entries_of(scope: Scope) -> "QuerySet[LedgerEntry]":
    """All ledger entries of a merchant in an environment."""
    return LedgerEntry.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def payouts_of(scope: Scope) -> "QuerySet[Payout]":
    """All payouts of a merchant in an environment."""
    return Payout.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_payout(*, scope: Scope, payout_id: UUID) -> Payout:
    """One payout. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    payout = payouts_of(scope).filter(pk=payout_id).first()
    if payout is None:
        raise ResourceMissing(f"No such payout: {payout_id}")
    return payout
