"""The second person's word on a payout over the limit."""

from uuid import UUID

from django.http import HttpRequest

from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.money import format_amount
from payments_project.staff.approvals import Approvable, Settle, register_approvable
from payments_project.staff.audit import record_audit
from payments_project.staff.models import Approval
from transactions import states
from transactions.errors import PayoutStateInvalid
from transactions.locking import lock_payout
from transactions.payout_models import Payout
from transactions.services.create_payout import PAYOUT_ACTION
from transactions.services.finish_payout import withdraw_payout


def register_payout_approval() -> None:
    """Lets payouts wait for a second person; called once, when the app starts."""
    register_approvable(
        Approvable(
            action=PAYOUT_ACTION,
            title="Payout",
            permission="transactions.approve_payout",
            perform=_approve,
            reject=_reject,
        )
    )


def _approve(request: HttpRequest, approval: Approval, settle: Settle) -> str:
    def work() -> Payout:
        payout = lock_payout(UUID(approval.object_id))
        if payout.status != states.PENDING or not payout.awaits_approval:
            raise PayoutStateInvalid(f"The payout is {payout.status} already.")
        payout.awaits_approval = False
        payout.approved_by = request.user.pk
        payout.save(update_fields=["awaits_approval", "approved_by"])
        record_audit(
            request=request,
            action="payout.approved",
            obj=payout,
            before={"awaits_approval": True},
            after={"awaits_approval": False},
            reason=approval.reason,
        )
        settle(payout)
        return payout

    payout = run_in_transaction(work)
    amount = format_amount(payout.amount, payout.currency)
    return f"The payout of {amount} is approved and goes to the bank."


def _reject(request: HttpRequest, approval: Approval) -> None:
    """What was set aside is available again; a payout that was cancelled meanwhile stays so."""
    payout = lock_payout(UUID(approval.object_id))
    if payout.status != states.PENDING:
        return
    withdraw_payout(payout, actor=Actor(kind="staff", id=request.user.pk))
    record_audit(
        request=request,
        action="payout.cancelled",
        obj=payout,
        before={"status": states.PENDING},
        after={"status": payout.status},
        reason=f"Approval {approval.pk} was refused.",
    )
