"""The second person's word on an adjustment over the limit: nothing is done before it."""

from uuid import UUID

from django.http import HttpRequest

from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.money import format_amount
from payments_project.staff.approvals import Approvable, Settle, register_approvable
from payments_project.staff.audit import record_audit
from payments_project.staff.models import Approval
from payments_project.tenancy import Scope
from transactions.models import MerchantBalance
from transactions.payout_models import BalanceAdjustment
from transactions.services.adjust_balance import adjust_balance

# What may need a second person, as its limits call it.
ADJUSTMENT_ACTION = "adjustment"


def register_adjustment_approval() -> None:
    """Lets adjustments wait for a second person; called once, when the app starts."""
    register_approvable(
        Approvable(
            action=ADJUSTMENT_ACTION,
            title="Balance adjustment",
            permission="transactions.approve_adjustment",
            perform=_approve,
        )
    )


def put_adjustment_on_record(
    *, request: HttpRequest, adjustment: BalanceAdjustment, reason: str
) -> None:
    """Writes the audit entry of an adjustment, in the transaction that makes it."""
    record_audit(
        request=request,
        action="balance.adjusted",
        obj=adjustment,
        after={"amount": adjustment.amount, "currency": adjustment.currency},
        reason=reason,
    )


def _approve(request: HttpRequest, approval: Approval, settle: Settle) -> str:
    balance = MerchantBalance.objects.get(pk=UUID(approval.object_id))

    def work() -> BalanceAdjustment:
        adjustment = adjust_balance(
            scope=Scope(balance.merchant_id, balance.environment),
            amount=approval.amount,
            currency=approval.currency,
            reason=approval.reason,
            actor=Actor(kind="staff", id=approval.requested_by_id),
            approved_by=request.user.pk,
            may_overdraw=approval.values["may_overdraw"],
        )
        put_adjustment_on_record(request=request, adjustment=adjustment, reason=approval.reason)
        settle(adjustment)
        return adjustment

    adjustment = run_in_transaction(work)
    return f"The balance is adjusted by {format_amount(adjustment.amount, adjustment.currency)}."
