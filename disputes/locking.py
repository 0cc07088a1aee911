"""Row locks of this app. The transaction's row comes first, then the refund's or dispute's."""

from uuid import UUID

from django.db.models import QuerySet

from disputes.models import Dispute, DisputeOperation, EvidenceFile, Refund
from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope
from transactions.locking import lock_transaction
from transactions.models import Transaction


def lock_refund(refund_id: UUID, *, scope: Scope | None = None) -> tuple[Transaction, Refund]:
    """The refund and its transaction, both locked to the end of the caller's transaction. With
    ``scope`` another merchant's does not exist. Raises ``ResourceMissing``."""
    rows = Refund.objects.filter(pk=refund_id)
    if scope is not None:
        rows = rows.filter(merchant_id=scope.merchant_id, environment=scope.environment)
    transaction_id = rows.values_list("transaction_id", flat=True).first()
    if transaction_id is None:
        raise ResourceMissing(f"No such refund: {refund_id}")
    transaction = lock_transaction(transaction_id=transaction_id)
    return transaction, Refund.objects.select_for_update().get(pk=refund_id)


def lock_dispute(dispute_id: UUID, *, scope: Scope | None = None) -> tuple[Transaction, Dispute]:
    """The dispute and its transaction, both locked to the end of the caller's transaction. With
    ``scope`` another merchant's does not exist. Raises ``ResourceMissing``."""
    rows = Dispute.objects.filter(pk=dispute_id)
    if scope is not None:
        rows = rows.filter(merchant_id=scope.merchant_id, environment=scope.environment)
    transaction_id = rows.values_list("transaction_id", flat=True).first()
    if transaction_id is None:
        raise ResourceMissing(f"No such dispute: {dispute_id}")
    transaction = lock_transaction(transaction_id=transaction_id)
    return transaction, Dispute.objects.select_for_update().get(pk=dispute_id)


def lock_disputes(disputes: QuerySet[Dispute]) -> list[Dispute]:
    """Disputes of one payment, in the order of their keys, locked to the end of the caller's
    transaction, which holds the payment's lock."""
    return list(disputes.select_for_update().order_by("pk"))


def lock_dispute_operation(operation: DisputeOperation) -> DisputeOperation:
    """What is asked of a gateway about a dispute, as it now is, locked to the end of the caller's
    transaction, which holds the dispute's lock."""
    return DisputeOperation.objects.select_for_update().get(pk=operation.pk)


def lock_files(files: QuerySet[EvidenceFile]) -> list[EvidenceFile]:
    """Files in the order of their keys, locked to the end of the caller's transaction: none of
    them is swept while it is put to use, and none is put to use while it is swept."""
    return list(files.select_for_update().order_by("pk"))


def try_lock_file(file_id: UUID) -> EvidenceFile | None:
    """A file, its row locked to the end of the caller's transaction; None if it is gone, or if
    somebody is putting it to use."""
    return EvidenceFile.objects.select_for_update(skip_locked=True).filter(pk=file_id).first()
