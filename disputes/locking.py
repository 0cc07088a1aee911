"""Row locks of this app. The transaction's row comes first, then the refund's or dispute's."""

from uuid import UUID

from django.db.models import QuerySet

from disputes.models import Dispute, Refund
from payments_project.errors import ResourceMissing
from transactions.locking import lock_transaction
from transactions.models import Transaction


def lock_refund(refund_id: UUID) -> tuple[Transaction, Refund]:
    """The refund and its transaction, both locked to the end of the caller's transaction."""
    transaction_id = (
        Refund.objects.filter(pk=refund_id).values_list("transaction_id", flat=True).first()
    )
    if transaction_id is None:
        raise ResourceMissing(f"No such refund: {refund_id}")
    transaction = lock_transaction(transaction_id=transaction_id)
    return transaction, Refund.objects.select_for_update().get(pk=refund_id)


def lock_dispute(dispute_id: UUID) -> tuple[Transaction, Dispute]:
    """The dispute and its transaction, both locked to the end of the caller's transaction."""
    transaction_id = (
        Dispute.objects.filter(pk=dispute_id).values_list("transaction_id", flat=True).first()
    )
    if transaction_id is None:
        raise ResourceMissing(f"No such dispute: {dispute_id}")
    transaction = lock_transaction(transaction_id=transaction_id)
    return transaction, Dispute.objects.select_for_update().get(pk=dispute_id)


def lock_disputes(disputes: QuerySet[Dispute]) -> list[Dispute]:
    """Disputes of one payment, in the order of their keys, locked to the end of the caller's
    transaction, which holds the payment's lock."""
    return list(disputes.select_for_update().order_by("pk"))
