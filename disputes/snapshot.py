"""What events say of refunds and disputes: ids, amounts and states, nothing personal."""

from typing import Any

from disputes.models import Dispute, Refund


def refund_snapshot(refund: Refund) -> dict[str, Any]:
    """The refund as its events show it; metadata is left to the API."""
    return {
        "transaction": str(refund.transaction_id),
        "amount": refund.amount,
        "currency": refund.currency,
        "status": refund.status,
        "failure_reason": refund.failure_reason,
    }


def dispute_snapshot(dispute: Dispute) -> dict[str, Any]:
    """The dispute as its events show it; evidence and the merchant's words are left to the API."""
    return {
        "transaction": str(dispute.transaction_id),
        "dispute_type": dispute.dispute_type,
        "reason_code": dispute.reason_code,
        "amount": dispute.amount,
        "currency": dispute.currency,
        "status": dispute.status,
        "due_date": dispute.due_date.isoformat() if dispute.due_date else None,
    }
