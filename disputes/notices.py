"""What a merchant is told of a dispute by e-mail."""

from disputes.models import Dispute
from merchants.services.notify import notify_merchant
from payments_project.money import format_amount


def notify_of_dispute(dispute: Dispute, kind: str, *, occasion: str, days_left: int = 0) -> None:
    """Has the merchant told of a dispute, once per occasion, in the caller's transaction.

    The letter holds ids, amounts, states and days; whatever is personal is read in the API.
    """
    notify_merchant(
        merchant_id=dispute.merchant_id,
        environment=dispute.environment,
        kind=kind,
        object_id=dispute.pk,
        occasion=occasion,
        context={
            "dispute": str(dispute.pk),
            "transaction": str(dispute.transaction_id),
            "dispute_type": dispute.dispute_type,
            "reason": (dispute.reason_code or "").replace("_", " "),
            "amount": format_amount(dispute.amount, dispute.currency),
            "status": dispute.status,
            "due_date": dispute.due_date.isoformat() if dispute.due_date else "",
            "days_left": days_left,
        },
    )
