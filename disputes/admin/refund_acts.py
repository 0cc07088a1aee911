"""Refunding a payment from the console; over a set amount a second person has to approve it."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Sum
from django.http import HttpRequest

from disputes import states
from disputes.models import Refund
from disputes.services.refund import refund_transaction
from payments_project.actor import Actor
from payments_project.console.acts import Act, ActForm, Done, register_act, staff_actor
from payments_project.console.money_field import MoneyField
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.idempotency.replies import NoReplies
from payments_project.money import format_amount
from payments_project.staff.approval_admin import show_approvals_of
from payments_project.staff.approvals import (
    Approvable,
    Settle,
    needs_approval,
    register_approvable,
    request_approval,
)
from payments_project.staff.audit import record_audit
from payments_project.staff.models import Approval
from payments_project.tenancy import Scope
from transactions import states as transaction_states
from transactions.models import Transaction

REFUND = "refund"
_CAUSES = ("requested_by_customer", "duplicate", "fraudulent", "product_not_received", "other")


class RefundForm(ActForm):
    """How much goes back, and why."""

    amount = MoneyField()
    cause = forms.ChoiceField(
        label="Reason that the merchant sees",
        choices=[(cause, cause.replace("_", " ")) for cause in _CAUSES],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currency, left = self.instance.currency, self.instance.left_to_refund
        field: MoneyField = self.fields["amount"]  # type: ignore[assignment]
        field.take(left, currency)
        field.help_text = f"At most {format_amount(left, currency)} is left."

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        left = self.instance.left_to_refund
        if amount > left:
            raise forms.ValidationError(
                f"At most {format_amount(left, self.instance.currency)} can be refunded."
            )
        return amount


class RefundAllForm(ActForm):
    """Why; of many payments all that is left of each goes back."""

    cause = forms.ChoiceField(
        label="Reason that the merchant sees",
        choices=[(cause, cause.replace("_", " ")) for cause in _CAUSES],
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        values["amount"] = self.instance.left_to_refund
        return values


def _refund(request: HttpRequest, payment: Transaction, values: Mapping[str, Any]) -> Done:
    amount = values["amount"]
    # Several refunds of one payment count together: a large one in slices is a large one.
    in_all = amount + _refunded_by(request.user.pk, payment)
    if needs_approval(REFUND, amount=in_all, currency=payment.currency):
        run_in_transaction(lambda: _ask_for_second_person(request, payment, values))
        return Done("That needs a second person: a colleague has to approve it.")
    refund = _carry_out(
        payment,
        amount=amount,
        cause=values["cause"],
        actor=staff_actor(request),
        within=lambda made: _put_on_record(request, payment, made, values["reason"]),
    )
    return Done(_words(refund))


def _ask_for_second_person(
    request: HttpRequest, payment: Transaction, values: Mapping[str, Any]
) -> Approval:
    return request_approval(
        action=REFUND,
        obj=payment,
        environment=payment.environment,
        amount=values["amount"],
        currency=payment.currency,
        values={"cause": values["cause"]},
        reason=values["reason"],
        request=request,
    )


def _approved(request: HttpRequest, approval: Approval, settle: Settle) -> str:
    payment = Transaction.objects.get(pk=UUID(approval.object_id))

    def within(refund: Refund) -> None:
        _put_on_record(request, payment, refund, approval.reason)
        settle(refund)

    actor = Actor(
        kind="staff",
        id=approval.requested_by_id,
        request_id=staff_actor(request).request_id,
    )
    refund = _carry_out(
        payment,
        amount=approval.amount,
        cause=approval.values["cause"],
        actor=actor,
        within=within,
    )
    return _words(refund)


def _carry_out(
    payment: Transaction,
    *,
    amount: int,
    cause: str,
    actor: Actor,
    within: Callable[[Refund], None],
) -> Refund:
    return refund_transaction(
        scope=Scope(payment.merchant_id, payment.environment),
        transaction_id=payment.pk,
        amount=amount,
        reason=cause,
        metadata={},
        actor=actor,
        claim=None,
        replies=NoReplies(),
        within=within,
    )


def _refunded_by(user_id: UUID | None, payment: Transaction) -> int:
    """What one member of staff has refunded of a payment, in minor units; failed ones left out."""
    refunds = Refund.objects.filter(
        transaction=payment, requested_by=user_id, requested_by_kind="staff"
    ).exclude(status__in=states.REFUND_UNPAID)
    return int(refunds.aggregate(total=Sum("amount"))["total"] or 0)


def _put_on_record(request: HttpRequest, payment: Transaction, refund: Refund, reason: str) -> None:
    record_audit(
        request=request,
        action="transaction.refunded",
        obj=payment,
        before={"refunded_amount": payment.refunded_amount},
        after={
            "refunded_amount": payment.refunded_amount + refund.amount,
            "refund": str(refund.pk),
        },
        reason=reason,
    )


def _words(refund: Refund) -> str:
    amount = format_amount(refund.amount, refund.currency)
    if refund.status == states.SUCCEEDED:
        return f"{amount} refunded."
    if refund.status == states.FAILED:
        return f"The refund of {amount} has failed: {refund.failure_reason}."
    return f"The refund of {amount} is {refund.status}; the gateway tells its outcome later."


def is_refundable(payment: Transaction) -> bool:
    """Whether any of it can still be refunded."""
    return (
        payment.status in (transaction_states.SUCCEEDED, transaction_states.REFUNDED)
        and payment.left_to_refund > 0
    )


register_act(
    "transactions.transaction",
    Act(
        name="refund",
        title="Refund",
        icon="undo",
        permission="disputes.refund_payment",
        explanation="The money goes back to the card it came from. Above the limit for one person "
        "a colleague has to approve it first.",
        form=RefundForm,
        perform=_refund,
        is_offered=is_refundable,
        is_once=True,
        in_transaction=False,
        is_bulk=True,
        bulk_form=RefundAllForm,
    ),
)
register_approvable(
    Approvable(
        action=REFUND,
        title="Refund",
        permission="disputes.approve_refund",
        perform=_approved,
    )
)
show_approvals_of("transactions.transaction")
