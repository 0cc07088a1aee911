"""What staff do to a balance: pay it out, adjust it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import F, Sum
from django.db.models.functions import Abs
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.acts import Act, ActForm, Done, register_act, staff_actor
from payments_project.console.filters import (
    AmountFilter,
    CreatedFilter,
    currency_filter,
    environment_filter,
)
from payments_project.console.money_field import MoneyField
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.approval_admin import show_approvals_of
from payments_project.staff.approvals import needs_approval, request_approval
from payments_project.tenancy import Scope
from transactions.admin.payout_acts import made_words, put_payout_on_record
from transactions.models import MerchantBalance
from transactions.payout_models import BalanceAdjustment
from transactions.services.adjust_balance import adjust_balance
from transactions.services.approve_adjustment import ADJUSTMENT_ACTION, put_adjustment_on_record
from transactions.services.create_payout import Cause, available_now, create_payout

# One person's adjustments of a balance within this count together: a large one in slices is a
# large one.
COUNTED_TOGETHER = timedelta(days=1)


class PayoutForm(ActForm):
    """How much of what is available is paid out."""

    amount = MoneyField()
    description = forms.CharField(
        max_length=140, required=False, help_text="On the merchant's statement."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        balance: MerchantBalance = self.instance
        available = max(available_now(_scope(balance), balance.currency), 0)
        field: MoneyField = self.fields["amount"]  # type: ignore[assignment]
        field.take(available, balance.currency)
        field.help_text = f"{format_amount(available, balance.currency)} is available."


def _pay_out(request: HttpRequest, balance: MerchantBalance, values: Mapping[str, Any]) -> Done:
    payout = create_payout(
        scope=_scope(balance),
        amount=values["amount"],
        currency=balance.currency,
        description=values["description"] or None,
        actor=staff_actor(request),
        cause=Cause(reason=values["reason"], request=request),
    )
    put_payout_on_record(
        request, payout, action="payout.created", reason=values["reason"], before=None
    )
    url = display.object_url("transactions.Payout", payout.pk) or ""
    return Done(made_words(payout), url=url)


class AdjustmentForm(ActForm):
    """How much is given to the merchant, or taken."""

    direction = forms.ChoiceField(
        choices=[("give", "give to the merchant"), ("take", "take from the merchant")]
    )
    amount = MoneyField()
    may_overdraw = forms.BooleanField(
        required=False,
        label="Even below zero",
        help_text="What is taken need not be available: the merchant owes the rest.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: MoneyField = self.fields["amount"]  # type: ignore[assignment]
        field.currency = self.instance.currency
        field.label = f"Amount in {self.instance.currency}"
        available = available_now(_scope(self.instance), self.instance.currency)
        field.help_text = f"{format_amount(available, self.instance.currency)} is available."


def _adjust(request: HttpRequest, balance: MerchantBalance, values: Mapping[str, Any]) -> Done:
    amount = values["amount"] if values["direction"] == "give" else -values["amount"]
    in_all = abs(amount) + _adjusted_by(request.user.pk, balance)
    if needs_approval(ADJUSTMENT_ACTION, amount=in_all, currency=balance.currency):
        request_approval(
            action=ADJUSTMENT_ACTION,
            obj=balance,
            environment=balance.environment,
            amount=amount,
            currency=balance.currency,
            values={"may_overdraw": values["may_overdraw"]},
            reason=values["reason"],
            request=request,
        )
        return Done("That needs a second person: a colleague has to approve it.")
    adjustment = adjust_balance(
        scope=_scope(balance),
        amount=amount,
        currency=balance.currency,
        reason=values["reason"],
        actor=staff_actor(request),
        may_overdraw=values["may_overdraw"],
    )
    put_adjustment_on_record(request=request, adjustment=adjustment, reason=values["reason"])
    return Done(f"The balance is adjusted by {format_amount(amount, balance.currency)}.")


def _adjusted_by(user_id: UUID | None, balance: MerchantBalance) -> int:
    """What one person has adjusted of a balance lately without a second one; minor units."""
    lately = BalanceAdjustment.objects.filter(
        merchant_id=balance.merchant_id,
        environment=balance.environment,
        currency=balance.currency,
        requested_by=user_id,
        approved_by__isnull=True,
        created_at__gte=datetime.now(UTC) - COUNTED_TOGETHER,
    )
    return int(lately.aggregate(total=Sum(Abs(F("amount"))))["total"] or 0)


def _scope(balance: MerchantBalance) -> Scope:
    return Scope(balance.merchant_id, balance.environment)


register_act(
    "transactions.merchantbalance",
    Act(
        name="pay-out",
        title="Pay out",
        icon="outbound",
        permission="transactions.create_payout",
        explanation="The money is set aside at once and goes to the merchant's bank account; above "
        "the limit for one person a colleague has to approve it first.",
        form=PayoutForm,
        perform=_pay_out,
        is_once=True,
    ),
)
register_act(
    "transactions.merchantbalance",
    Act(
        name="adjust",
        title="Adjust",
        icon="balance",
        permission="transactions.request_adjustment",
        explanation="A correction of the available balance. The merchant sees it among the entries; "
        "above the limit for one person a colleague has to approve it first.",
        form=AdjustmentForm,
        perform=_adjust,
        is_once=True,
        is_dangerous=True,
    ),
)
show_approvals_of("transactions.merchantbalance")


@admin.register(BalanceAdjustment)
class BalanceAdjustmentAdmin(ReadOnlyAdmin):
    """Corrections of balances, newest first."""

    list_display = (
        "created_at",
        "amount",
        "why",
        "merchant",
        "requested",
        "approved",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "amount", "currency",
        "reason", "requested_by", "approved_by",
    )  # fmt: skip
    list_filter = (environment_filter, currency_filter, CreatedFilter, AmountFilter)
    ordered_scopes = ("merchant",)
    search_by = {ID: ("pk", "merchant_id")}
    money = ("amount",)
    labels = {"created_at": "Time"}
    fieldsets: Fieldsets = (
        (
            "Adjustment",
            {
                "fields": (
                    "id", "merchant", "amount", "reason", "requested", "approved", "created_at",
                )
            },
        ),
    )  # fmt: skip

    def headline(self, instance: BalanceAdjustment) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    def found_as(self, instance: BalanceAdjustment) -> str:  # type: ignore[override]
        return f"{format_amount(instance.amount, instance.currency)} · {instance.environment}"

    @admin.display(description="Reason")
    def why(self, adjustment: BalanceAdjustment) -> Cell:
        return display.clip(adjustment.reason)

    @admin.display(description="Requested by")
    def requested(self, adjustment: BalanceAdjustment) -> Cell:
        return display.actor("staff", adjustment.requested_by)

    @admin.display(description="Approved by")
    def approved(self, adjustment: BalanceAdjustment) -> Cell:
        by = adjustment.approved_by
        return display.actor("staff", by) if by else display.EMPTY
