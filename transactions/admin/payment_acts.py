"""What staff do to a payment: capture, cancel, ask its gateway again, have somebody look at it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest

from merchants.terms import get_terms
from payments_project.console.acts import Act, ActForm, Done, staff_actor
from payments_project.console.money_field import MoneyField
from payments_project.idempotency.replies import NoReplies
from payments_project.money import format_amount
from payments_project.staff.audit import record_audit
from payments_project.tenancy import Scope
from transactions import states
from transactions.models import GatewayOperation, Transaction
from transactions.services.ask_again import ask_again, waits_for_gateway
from transactions.services.cancel import cancel_transaction
from transactions.services.capture import capture_transaction
from transactions.services.operations import Within
from transactions.services.review import open_review


def is_authorized(payment: Transaction) -> bool:
    """Whether its funds are held and may be captured or released."""
    return payment.status == states.AUTHORIZED


class CaptureForm(ActForm):
    """How much of what is held is captured; the rest is released."""

    amount = MoneyField(help_text="What is not captured is released.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].take(self.instance.amount, self.instance.currency)


def _on_record(request: HttpRequest, action: str, values: Mapping[str, Any]) -> Within:
    """Writes the audit entry with the act's intent."""

    def within(payment: Transaction, operation: GatewayOperation) -> None:
        record_audit(
            request=request,
            action=action,
            obj=payment,
            before={"status": payment.status},
            after={"amount": operation.amount, "operation": str(operation.pk)},
            reason=values["reason"],
        )

    return within


def _capture(request: HttpRequest, payment: Transaction, values: Mapping[str, Any]) -> Done:
    captured = capture_transaction(
        scope=Scope(payment.merchant_id, payment.environment),
        transaction_id=payment.pk,
        amount=values["amount"],
        actor=staff_actor(request),
        terms=get_terms(payment.merchant_id),
        claim=None,
        replies=NoReplies(),
        within=_on_record(request, "transaction.captured", values),
    )
    if captured.status == states.AUTHORIZED:
        return Done("The gateway has not answered yet; it will be asked again.")
    amount = format_amount(captured.captured_amount or 0, captured.currency)
    return Done(f"{amount} captured: the payment is {captured.status}.")


def _cancel(request: HttpRequest, payment: Transaction, values: Mapping[str, Any]) -> Done:
    cancelled = cancel_transaction(
        scope=Scope(payment.merchant_id, payment.environment),
        transaction_id=payment.pk,
        actor=staff_actor(request),
        claim=None,
        replies=NoReplies(),
        within=_on_record(request, "transaction.cancelled", values),
    )
    if cancelled.status == states.AUTHORIZED:
        return Done("The gateway has not answered yet; it will be asked again.")
    return Done("The payment is cancelled and its funds are released.")


def _ask(request: HttpRequest, payment: Transaction, values: Mapping[str, Any]) -> Done:
    with transaction.atomic():
        record_audit(
            request=request,
            action="transaction.gateway_asked",
            obj=payment,
            before={"status": payment.status},
            reason=values["reason"],
        )
    asked = ask_again(transaction_id=payment.pk, actor=staff_actor(request))
    if asked.status == payment.status:
        return Done(f"The gateway was asked; the payment is {asked.status} still.")
    return Done(f"The gateway was asked: the payment is {asked.status}.")


def _review(request: HttpRequest, payment: Transaction, values: Mapping[str, Any]) -> Done:
    review = open_review(
        transaction_id=payment.pk, reason=values["reason"], actor=staff_actor(request)
    )
    record_audit(
        request=request,
        action="transaction.marked_for_review",
        obj=payment,
        before={"compliance_status": payment.compliance_status},
        after={"compliance_status": states.COMPLIANCE[review.status]},
        reason=values["reason"],
    )
    return Done("It waits in the review queue. Money is not moved by that.")


class ReviewForm(ActForm):
    """Why somebody shall look at it."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What looks wrong; whoever reviews it reads this.",
    )


PAYMENT_ACTS = (
    Act(
        name="capture",
        title="Capture",
        icon="task_alt",
        permission="transactions.capture_transaction",
        explanation="The money is taken from the card; once only.",
        form=CaptureForm,
        perform=_capture,
        is_offered=is_authorized,
        in_transaction=False,
    ),
    Act(
        name="cancel",
        title="Cancel",
        icon="cancel",
        permission="transactions.cancel_transaction",
        explanation="The funds that are held on the card are released; for good.",
        perform=_cancel,
        is_offered=is_authorized,
        is_dangerous=True,
        in_transaction=False,
        is_bulk=True,
    ),
    Act(
        name="ask",
        title="Ask the gateway",
        icon="contact_support",
        permission="transactions.ask_gateway",
        explanation="Asks what became of it, and writes down what the gateway says. "
        "Nothing is charged by asking.",
        perform=_ask,
        is_offered=waits_for_gateway,
        in_transaction=False,
        is_bulk=True,
    ),
    Act(
        name="review",
        title="Mark for review",
        icon="flag",
        permission="transactions.review_transaction",
        explanation="Somebody from risk looks at it. Money is neither moved nor stopped.",
        form=ReviewForm,
        perform=_review,
        is_offered=lambda payment: payment.compliance_status != states.COMPLIANCE[states.OPEN],
        is_bulk=True,
    ),
)
