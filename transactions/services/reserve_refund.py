"""A transaction's refunded amount: reserved for a refund, released when it fails."""

from django.db.models import F
from django.db.models.functions import Now

from transactions.models import Transaction


def reserve_refund(*, transaction: Transaction, amount: int) -> None:
    """Counts ``amount`` (minor units) as refunded. The caller holds the row's lock and has checked;
    the constraint ``transactions_refunded_within_captured`` is the second guard."""
    _move(transaction, amount)


def release_refund(*, transaction: Transaction, amount: int) -> None:
    """Takes back what ``reserve_refund`` counted. The caller holds the row's lock."""
    _move(transaction, -amount)


def _move(transaction: Transaction, amount: int) -> None:
    Transaction.objects.filter(pk=transaction.pk).update(
        refunded_amount=F("refunded_amount") + amount, revision=F("revision") + 1, updated_at=Now()
    )
    transaction.refunded_amount += amount
