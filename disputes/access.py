"""The one door to a tenant's refunds and disputes."""

from uuid import UUID

from django.db.models import QuerySet

from disputes.models import Dispute, EvidenceFile, Refund
from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope


def refunds_of(scope: Scope) -> "QuerySet[Refund]":
    """All refunds of a merchant in an environment."""
    return Refund.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_refund(*, scope: Scope, refund_id: UUID, param: str | None = None) -> Refund:
    """One refund. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    refund = refunds_of(scope).filter(pk=refund_id).first()
    if refund is None:
        raise ResourceMissing(f"No such refund: {refund_id}", param=param)
    return refund


def disputes_of(scope: Scope) -> "QuerySet[Dispute]":
    """All disputes of a merchant in an environment."""
    return Dispute.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_dispute(*, scope: Scope, dispute_id: UUID, param: str | None = None) -> Dispute:
    """One dispute. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    dispute = disputes_of(scope).filter(pk=dispute_id).first()
    if dispute is None:
        raise ResourceMissing(f"No such dispute: {dispute_id}", param=param)
    return dispute


def files_of(scope: Scope) -> "QuerySet[EvidenceFile]":
    """The files of a merchant in an environment, of which the content is there."""
    return EvidenceFile.objects.filter(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        stored_at__isnull=False,
        removed_at__isnull=True,
    )


def get_file(*, scope: Scope, file_id: UUID) -> EvidenceFile:
    """One file. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    file = files_of(scope).filter(pk=file_id).first()
    if file is None:
        raise ResourceMissing(f"No such file: {file_id}")
    return file


def transaction_of(scope: Scope, source_id: UUID) -> UUID | None:
    """The transaction of a refund or dispute; None if the merchant has none of this id."""
    for rows in (refunds_of(scope), disputes_of(scope)):
        found: UUID | None = (
            rows.filter(pk=source_id).values_list("transaction_id", flat=True).first()
        )
        if found is not None:
            return found
    return None
