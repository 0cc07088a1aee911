"""How refunds and disputes look to merchants."""

from typing import Any, Literal
from uuid import UUID

from disputes.models import Dispute, EvidenceFile, Refund
from payments_project.api.objects import Day, Resource, Time


class RefundObject(Resource):
    """Money back to the customer."""

    object: Literal["refund"] = "refund"
    transaction: UUID
    amount: int
    currency: str
    reason: str | None
    status: str
    failure_reason: str | None
    metadata: dict[str, str]
    processed_at: Time | None


class DisputeObject(Resource):
    """A cardholder's complaint."""

    object: Literal["dispute"] = "dispute"
    transaction: UUID
    dispute_type: str
    reason_code: str | None
    amount: int
    currency: str
    status: str
    due_date: Day | None
    evidence: dict[str, Any]
    evidence_submitted_at: Time | None
    merchant_response: str | None
    resolved_at: Time | None
    updated_at: Time


class FileObject(Resource):
    """A document for disputes; its content is at `/v1/files/{id}/contents`."""

    object: Literal["file"] = "file"
    purpose: str
    filename: str
    type: str
    size: int
    sha256: str


def file_object(file: EvidenceFile) -> FileObject:
    """The file from its row."""
    return FileObject(
        id=file.pk,
        environment=file.environment,
        created_at=file.created_at,
        purpose=file.purpose,
        filename=file.filename,
        type=file.content_type,
        size=file.size,
        sha256=file.sha256,
    )


def refund_object(refund: Refund) -> RefundObject:
    """The refund from its row."""
    return RefundObject(
        id=refund.pk,
        environment=refund.environment,
        created_at=refund.created_at,
        transaction=refund.transaction_id,
        amount=refund.amount,
        currency=refund.currency,
        reason=refund.reason,
        status=refund.status,
        failure_reason=refund.failure_reason,
        metadata=refund.metadata or {},
        processed_at=refund.processed_at,
    )


def dispute_object(dispute: Dispute) -> DisputeObject:
    """The dispute from its row."""
    return DisputeObject(
        id=dispute.pk,
        environment=dispute.environment,
        created_at=dispute.created_at,
        transaction=dispute.transaction_id,
        dispute_type=dispute.dispute_type,
        reason_code=dispute.reason_code,
        amount=dispute.amount,
        currency=dispute.currency,
        status=dispute.status,
        due_date=dispute.due_date,
        evidence=dispute.evidence or {},
        evidence_submitted_at=dispute.evidence_submitted_at,
        merchant_response=dispute.merchant_response,
        resolved_at=dispute.resolved_at,
        updated_at=dispute.updated_at,
    )
