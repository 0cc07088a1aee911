"""What waits for a second person, in the console: the queue, its pages, its limits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest

from payments_project.console import display
from payments_project.console.acts import Act, Done
from payments_project.console.filters import (
    AmountFilter,
    CreatedFilter,
    choice_filter,
    currency_filter,
    environment_filter,
)
from payments_project.console.home import (
    QUEUE_ROWS,
    Counted,
    HomeParts,
    Named,
    home_part,
    queue_tile,
)
from payments_project.console.money_field import major_units, minor_units
from payments_project.console.names import attach_names, name_of
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.money import ACTIVE_CURRENCIES, format_amount
from payments_project.staff import states
from payments_project.staff.admin_base import FastModelAdmin, Fieldsets, ReadOnlyAdmin
from payments_project.staff.approvals import approvables, approve, reject
from payments_project.staff.audit import changed, record_audit
from payments_project.staff.models import Approval, ApprovalLimit


def _permission(approval: Approval) -> str:
    return approvables()[approval.action].permission


def _approve(request: HttpRequest, approval: Approval, values: Mapping[str, Any]) -> Done:
    return Done(approve(approval=approval, request=request, reason=values["reason"]))


def _reject(request: HttpRequest, approval: Approval, values: Mapping[str, Any]) -> Done:
    reject(approval=approval, request=request, reason=values["reason"])
    is_own = approval.requested_by_id == request.user.pk
    return Done("You have withdrawn it." if is_own else "It is rejected; nothing was done.")


def _is_pending(approval: Approval) -> bool:
    return approval.status == states.PENDING


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """What one person asked for and another decides, newest first."""

    list_display = (
        "created_at",
        "what",
        "amount",
        "status",
        "requested_by",
        "merchant_id",
        "decided_by",
        "environment",
    )
    export_fields = (
        "id", "created_at", "action", "object_type", "object_id", "merchant_id", "merchant_name",
        "environment", "amount", "currency", "status", "reason", "requested_by",
        "requested_by_name", "decided_by", "decided_by_name", "decided_at", "decision_reason",
        "result_type", "result_id",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.APPROVAL_STATES, indexed=(states.PENDING,)),
        environment_filter,
        CreatedFilter,
        AmountFilter,
        currency_filter,
    )
    scope_branches = ("", ())
    small_scopes = ("object_id",)
    search_by = {ID: ("pk", "object_id")}
    money = ("amount",)
    labels = {
        "created_at": "Asked",
        "merchant_id": "Merchant",
        "requested_by": "Asked by",
        "decided_by": "Decided by",
        "decided_at": "Decided",
        "values": "Details",
        "decision_reason": "Why so decided",
    }
    fieldsets: Fieldsets = (
        (
            "Asked for",
            {
                "fields": (
                    "id", "what", "subject", "merchant_id", "amount", "reason", "requested_by",
                    "created_at", "values",
                )
            },
        ),
        (
            "Decision",
            {"fields": ("decided_by", "decided_at", "decision_reason", "result")},
        ),
    )  # fmt: skip
    # Neither is done to many at once: a second look at a hundred of them is none.
    acts = (
        Act(
            name="approve",
            title="Approve",
            icon="check_circle",
            permission=_permission,
            explanation="It is carried out at once. Whoever asked for it can't approve it.",
            perform=_approve,
            is_offered=_is_pending,
            in_transaction=False,
        ),
        Act(
            name="reject",
            title="Reject",
            icon="cancel",
            permission=_permission,
            explanation="It is not carried out. Whoever asked for it withdraws it so.",
            perform=_reject,
            is_offered=_is_pending,
            is_dangerous=True,
        ),
    )

    def headline(self, instance: Approval) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    def found_as(self, instance: Approval) -> str:  # type: ignore[override]
        amount = format_amount(instance.amount, instance.currency)
        return f"{_title(instance.action)} · {amount} · {instance.status}"

    @admin.display(description="What")
    def what(self, approval: Approval) -> str:
        return _title(approval.action)

    @admin.display(description="Object")
    def subject(self, approval: Approval) -> Cell:
        return _object_cell(approval.object_type, approval.object_id)

    @admin.display(description="What came of it")
    def result(self, approval: Approval) -> Cell:
        if not approval.result_id:
            return display.EMPTY
        return _object_cell(approval.result_type, approval.result_id)


def _title(action: str) -> str:
    known = approvables().get(action)
    return known.title if known else action


def _object_cell(label: str, key: str) -> Cell:
    kind = label.partition(".")[2].lower()
    return display.object_link(label, key, f"{kind} …{key[-8:]}")


class ApprovalLimitForm(forms.ModelForm):
    """A limit as people write amounts."""

    action = forms.ChoiceField()
    currency = forms.ChoiceField(choices=[(code, code) for code in sorted(ACTIVE_CURRENCIES)])
    amount = forms.DecimalField(
        min_value=0, max_digits=20, help_text="Up to this, one person is enough. Such as 250.00."
    )

    class Meta:
        model = ApprovalLimit
        fields = ("action", "currency", "amount")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = [
            (name, known.title) for name, known in sorted(approvables().items())
        ]
        if self.instance.amount is not None:
            self.initial["amount"] = major_units(self.instance.amount, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("amount") and values.get("currency"):
            try:
                values["amount"] = minor_units(values["amount"], values["currency"])
            except forms.ValidationError as error:
                self.add_error("amount", error)
        return values


@admin.register(ApprovalLimit)
class ApprovalLimitAdmin(FastModelAdmin):
    """Up to which amount one person is enough, by act and currency."""

    form = ApprovalLimitForm
    list_display = ("title", "currency", "amount", "updated_at")
    export_fields = ("id", "action", "currency", "amount", "updated_at")
    money = ("amount",)
    labels = {"updated_at": "Changed", "amount": "Alone up to"}

    @admin.display(description="Act")
    def title(self, limit: ApprovalLimit) -> str:
        return _title(limit.action)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("payments_project.change_approvallimit"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: ApprovalLimit, form: ModelForm, change: bool
    ) -> None:
        with transaction.atomic():
            stored = ApprovalLimit.objects.filter(pk=obj.pk).first() if change else None
            obj.updated_at = datetime.now(UTC)
            super().save_model(request, obj, form, change)
            before, after = changed(_limit(stored) if stored else {}, _limit(obj))
            if after:
                record_audit(
                    request=request,
                    action="approval_limit.changed" if change else "approval_limit.created",
                    obj=obj,
                    before=before,
                    after=after,
                )


def _limit(limit: ApprovalLimit) -> dict[str, Any]:
    return {"action": limit.action, "currency": limit.currency, "amount": limit.amount}


def approvals_about(request: HttpRequest, instance: Any) -> Panel | None:
    """What was asked for about an object, newest first; nothing where nobody asked."""
    rows = list(
        Approval.objects.filter(object_type=instance._meta.label, object_id=str(instance.pk))
        .order_by("-id")[:10]
    )  # fmt: skip
    if not rows:
        return None
    attach_names(rows, ["requested_by_id"])
    return Panel(
        title="Second person",
        icon="group",
        columns=_COLUMNS,
        rows=_rows(rows),
        more_url=display.list_url("payments_project.approval", object_id=instance.pk),
        order=15,
    )


def show_approvals_of(label: str) -> None:
    """Puts what was asked for about an object of ``label`` on its page."""
    panel(label, permission="payments_project.view_approval")(approvals_about)


@home_part(permission="payments_project.view_approval")
def waiting_approvals(request: HttpRequest, environment: str) -> HomeParts:
    """What waits for a second person, oldest first; one's own is left to others."""
    may_decide = [
        action for action, known in approvables().items() if request.user.has_perm(known.permission)
    ]
    waiting = Approval.objects.filter(
        status=states.PENDING, environment=environment, action__in=may_decide
    ).exclude(requested_by=request.user.pk)
    (count,) = yield Counted([waiting])
    url = display.list_url(
        "payments_project.approval", environment=environment, status=states.PENDING
    )
    yield queue_tile(
        label="Second person",
        icon="group",
        count=count,
        hint="asked for by a colleague",
        url=url,
        order=25,
    )
    if count:
        oldest = list(waiting.order_by("id")[:QUEUE_ROWS])
        yield Named(oldest, ["requested_by_id"])
        yield Panel(
            title="To approve, oldest first",
            icon="group",
            columns=_COLUMNS,
            rows=_rows(oldest),
            more_url=url,
            order=15,
        )


_COLUMNS = (
    Column("Asked"),
    Column("What"),
    Column("Status", is_minor=True),
    Column("By", is_minor=True),
    Column("Amount", is_number=True),
)


def _rows(approvals: list[Approval]) -> list[list[Cell]]:
    return [
        [
            display.object_link(
                "payments_project.Approval", approval.pk, display.ago(approval.created_at)
            ),
            _title(approval.action),
            display.badge(approval.status),
            name_of(approval, "requested_by_id") or "the API",
            display.money(approval.amount, approval.currency),
        ]
        for approval in approvals
    ]
