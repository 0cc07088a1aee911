"""What staff do to payouts: cancel, pay again, put into a file for the bank, record its outcome."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.acts import Act, ActForm, Done, staff_actor
from payments_project.money import CURRENCY_CODES, format_amount
from payments_project.staff.audit import record_audit
from payments_project.tenancy import ENVIRONMENTS, Scope
from transactions import states
from transactions.payout_models import FAILURE_CODE_LENGTH_MAX, Payout
from transactions.services.cancel_payout import cancel_payout
from transactions.services.create_payout import Cause, create_payout
from transactions.services.export_payouts import export_payouts, record_payout_outcome

FAILURE_CODES = (
    "returned_by_bank",
    "account_closed",
    "account_not_found",
    "holder_mismatch",
    "refused_by_bank",
    "other",
)


def put_payout_on_record(
    request: HttpRequest, payout: Payout, *, action: str, reason: str, before: str | None
) -> None:
    """Writes the audit entry of an act on a payout, in the act's transaction."""
    record_audit(
        request=request,
        action=action,
        obj=payout,
        before={"status": before} if before else {},
        after={
            "status": payout.status,
            "amount": payout.amount,
            "currency": payout.currency,
            "account_last_four": payout.account.last_four,
        },
        reason=reason,
    )


def made_words(payout: Payout) -> str:
    """What is told of a payout that was just made."""
    amount = format_amount(payout.amount, payout.currency)
    if payout.awaits_approval:
        return f"{amount} is set aside. That needs a second person: a colleague has to approve it."
    return f"{amount} is set aside and goes to ····{payout.account.last_four}."


def _cancel(request: HttpRequest, payout: Payout, values: Mapping[str, Any]) -> Done:
    cancelled = cancel_payout(
        scope=Scope(payout.merchant_id, payout.environment),
        payout_id=payout.pk,
        actor=staff_actor(request),
    )
    put_payout_on_record(
        request,
        cancelled,
        action="payout.cancelled",
        reason=values["reason"],
        before=states.PENDING,
    )
    return Done("The payout is cancelled; its money is available again.")


def _retry(request: HttpRequest, payout: Payout, values: Mapping[str, Any]) -> Done:
    again = create_payout(
        scope=Scope(payout.merchant_id, payout.environment),
        amount=payout.amount,
        currency=payout.currency,
        description=payout.description,
        actor=staff_actor(request),
        cause=Cause(reason=values["reason"], request=request, retry_of=payout.pk),
    )
    put_payout_on_record(
        request, again, action="payout.retried", reason=values["reason"], before=None
    )
    url = display.object_url("transactions.Payout", again.pk) or ""
    return Done(made_words(again), url=url)


class FailureForm(ActForm):
    """What the bank says."""

    failure_code = forms.ChoiceField(
        label="What the bank says",
        choices=[(code, code.replace("_", " ")) for code in FAILURE_CODES],
    )


def _records(*, is_paid: bool) -> Callable[[HttpRequest, Payout, Mapping[str, Any]], Done]:
    def perform(request: HttpRequest, payout: Payout, values: Mapping[str, Any]) -> Done:
        before = payout.status
        decided = record_payout_outcome(
            payout_id=payout.pk,
            is_paid=is_paid,
            failure_code=values.get("failure_code", "")[:FAILURE_CODE_LENGTH_MAX],
            actor=staff_actor(request),
        )
        put_payout_on_record(
            request,
            decided,
            action=f"payout.recorded_{decided.status}",
            reason=values["reason"],
            before=before,
        )
        return Done(f"The payout is {decided.status}.")

    return perform


class ExportForm(ActForm):
    """Which payouts the file holds."""

    currency = forms.ChoiceField(choices=[(code, code) for code in CURRENCY_CODES], initial="EUR")
    environment = forms.ChoiceField(choices=[(name, name) for name in ENVIRONMENTS])


def _export(request: HttpRequest, _nothing: None, values: Mapping[str, Any]) -> Done:
    export = export_payouts(
        environment=values["environment"],
        currency=values["currency"],
        created_by=request.user.pk,
    )
    record_audit(
        request=request,
        action="payout_export.created",
        obj=export,
        after={"count": export.count, "total": export.total, "currency": export.currency},
        reason=values["reason"],
    )
    return Done(
        f"{export.count} payout{'' if export.count == 1 else 's'} in a file over"
        f" {format_amount(export.total, export.currency)}. Hand it to the bank once.",
        url=display.object_url("transactions.PayoutExport", export.pk) or "",
    )


def _is_cancellable(payout: Payout) -> bool:
    return payout.status == states.PENDING and payout.sent_at is None


def _is_in_file(payout: Payout) -> bool:
    return payout.export_id is not None


def _can_be_retried(payout: Payout) -> bool:
    return payout.status == states.FAILED and not payout.retries.exists()


EXPORT = Act(
    name="export",
    title="File for the bank",
    icon="upload_file",
    permission="transactions.export_payout",
    explanation="Every payout of the currency that waits for a file goes into one, and into no "
    "other. Those that wait for a second person stay.",
    form=ExportForm,
    perform=_export,
    is_once=True,
)
PAYOUT_ACTS = (
    Act(
        name="cancel",
        title="Cancel",
        icon="cancel",
        permission="transactions.cancel_payout",
        explanation="The money is available to the merchant again. Only until the payout is sent.",
        perform=_cancel,
        is_offered=_is_cancellable,
        is_dangerous=True,
        is_bulk=True,
    ),
    Act(
        name="retry",
        title="Pay out again",
        icon="refresh",
        permission="transactions.create_payout",
        explanation="Another payout of the same amount, to the bank account that the merchant has "
        "now. It has to be available.",
        perform=_retry,
        is_offered=_can_be_retried,
        is_once=True,
    ),
    Act(
        name="record-paid",
        title="Record as paid",
        icon="check_circle",
        permission="transactions.settle_payout",
        explanation="The bank's statement shows the payment.",
        perform=_records(is_paid=True),
        is_offered=lambda payout: _is_in_file(payout) and payout.status == states.PENDING,
    ),
    Act(
        name="record-failed",
        title="Record as failed",
        icon="error",
        permission="transactions.settle_payout",
        explanation="The bank refused the payment, or returned it. The money is available to the "
        "merchant again.",
        form=FailureForm,
        perform=_records(is_paid=False),
        is_offered=lambda payout: (
            _is_in_file(payout) and payout.status in (states.PENDING, states.PAID)
        ),
        is_dangerous=True,
    ),
)
