"""What events say of this app's objects: ids, amounts and states, nothing personal."""

from typing import Any

from transactions.models import Transaction
from transactions.payout_models import BalanceAdjustment, Payout


def transaction_snapshot(transaction: Transaction) -> dict[str, Any]:
    """The transaction as its events show it; description and metadata are left to the API."""
    failure = None
    if transaction.failure_code:
        failure = {"code": transaction.failure_code, "decline_code": transaction.decline_code}
    return {
        "amount": transaction.amount,
        "captured_amount": transaction.captured_amount,
        "refunded_amount": transaction.refunded_amount,
        "fee_amount": transaction.fee_amount,
        "net_amount": net_amount(transaction),
        "currency": transaction.currency,
        "status": transaction.status,
        "failure": failure,
        "customer": str(transaction.customer_id) if transaction.customer_id else None,
        "payment_method": transaction.payment_method_token,
        "payment_method_type": transaction.payment_method_type,
        "card": {"brand": transaction.brand, "last_four": transaction.last_four},
        "gateway": {
            "name": transaction.gateway_name,
            "transaction_id": transaction.gateway_transaction_id,
        },
        "risk": {
            "score": None if transaction.fraud_score is None else float(transaction.fraud_score),
            "level": transaction.risk_level,
        },
        "compliance_status": transaction.compliance_status,
    }


def net_amount(transaction: Transaction) -> int:
    """As the generated column has it, from the values in memory (which may be newer)."""
    captured = transaction.captured_amount
    return (transaction.amount if captured is None else captured) - transaction.fee_amount


def payout_snapshot(payout: Payout) -> dict[str, Any]:
    """The payout as its events show it; the description is left to the API."""
    return {
        "amount": payout.amount,
        "currency": payout.currency,
        "status": payout.status,
        "failure_code": payout.failure_code,
        "paid_at": payout.paid_at.isoformat() if payout.paid_at else None,
    }


def adjustment_snapshot(adjustment: BalanceAdjustment) -> dict[str, Any]:
    """The adjustment as its event shows it; its reason is finance's own."""
    return {"amount": adjustment.amount, "currency": adjustment.currency}
