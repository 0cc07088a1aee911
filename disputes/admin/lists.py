"""The lists and pages of refunds and disputes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html

from disputes import states
from disputes.admin import dispute_panels, evidence_acts, staff_acts
from disputes.models import Dispute, Refund
from payments_project.console import display
from payments_project.console.filters import (
    AmountFilter,
    ConsoleFilter,
    CreatedFilter,
    choice_filter,
    currency_filter,
    environment_filter,
)
from payments_project.console.presented import Cell
from payments_project.console.search import GATEWAY_ID, ID
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Refunds, newest first."""

    list_display = (
        "created_at",
        "amount",
        "status",
        "reason_words",
        "transaction",
        "merchant",
        "requested",
        "environment",
    )
    export_fields = (
        "id", "created_at", "transaction", "merchant", "merchant_name", "environment", "amount",
        "currency", "status", "reason", "requested_by_kind", "requested_by", "gateway_refund_id",
        "failure_reason", "processed_at", "updated_at",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.REFUND_STATES, indexed=(states.PENDING,)),
        environment_filter,
        CreatedFilter,
        AmountFilter,
        currency_filter,
    )
    ordered_scopes = ("merchant",)
    small_scopes = ("transaction",)
    search_by = {ID: ("pk", "transaction_id"), GATEWAY_ID: ("gateway_refund_id",)}
    money = ("amount",)
    codes = ("gateway_refund_id",)
    labels = {
        "created_at": "Time",
        "transaction": "Payment",
        "gateway_refund_id": "Gateway id",
        "gateway_response": "Its answer",
        "awaits_gateway": "Awaits callback",
    }
    fieldsets: Fieldsets = (
        (
            "Refund",
            {
                "fields": (
                    "id", "transaction", "merchant", "amount", "reason_in_full", "requested",
                    "metadata",
                )
            },
        ),
        (
            "Course",
            {"fields": ("created_at", "processed_at", "failure_reason", "awaits_gateway")},
        ),
        ("Gateway", {"fields": ("gateway_refund_id", "gateway_response")}),
    )  # fmt: skip

    def headline(self, instance: Refund) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    def found_as(self, instance: Refund) -> str:  # type: ignore[override]
        amount = format_amount(instance.amount, instance.currency)
        return f"{amount} {instance.status} · {instance.environment}"

    @admin.display(description="Reason")
    def reason_words(self, refund: Refund) -> Cell:
        return display.clip(code_words(refund.reason))

    @admin.display(description="Reason")
    def reason_in_full(self, refund: Refund) -> Cell:
        return code_words(refund.reason)

    @admin.display(description="Requested by")
    def requested(self, refund: Refund) -> Cell:
        return display.actor(refund.requested_by_kind, refund.requested_by)


def code_words(code: str | None) -> str:
    """``product not received``."""
    return (code or "").replace("_", " ")


class DueFilter(ConsoleFilter):
    """Open disputes by their deadline; the index of open ones finds them."""

    title = "due"
    parameters = ("due",)
    is_indexed = True
    _DAYS = {"overdue": -1, "within 3 days": 3, "within 7 days": 7, "within 14 days": 14}

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield self.select(self._DAYS)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = self.used_parameters.get("due")
        if chosen is None:
            return queryset
        if chosen not in self._DAYS:
            return queryset.none()
        until = datetime.now(UTC).date() + timedelta(days=self._DAYS[chosen])
        return queryset.filter(status=states.OPEN, due_date__lte=until)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Disputes, newest first; the open ones with their deadlines."""

    list_display = (
        "created_at",
        "amount",
        "status",
        "deadline",
        "reason",
        "transaction",
        "merchant",
        "environment",
    )
    export_fields = (
        "id", "created_at", "transaction", "merchant", "merchant_name", "environment",
        "dispute_type", "reason_code", "amount", "currency", "held_amount", "fee_amount",
        "status", "due_date", "evidence_submitted_at", "gateway_dispute_id", "resolved_at",
        "updated_at",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.DISPUTE_STATES, indexed=(states.OPEN,)),
        DueFilter,
        environment_filter,
        choice_filter("dispute_type", (Dispute.CHARGEBACK, Dispute.INQUIRY), title="type"),
        CreatedFilter,
        AmountFilter,
        currency_filter,
    )
    ordered_scopes = ("merchant",)
    small_scopes = ("transaction",)
    search_by = {ID: ("pk", "transaction_id"), GATEWAY_ID: ("gateway_dispute_id",)}
    money = ("amount", "held_amount", "fee_amount")
    badges = ("status", "dispute_type")
    codes = ("gateway_dispute_id",)
    acts = (
        evidence_acts.GIVE,
        evidence_acts.SUBMIT,
        evidence_acts.SHOW,
        staff_acts.ASK,
        staff_acts.ESCALATE,
        staff_acts.ACCEPT,
        staff_acts.DECIDE,
    )
    labels = {
        "created_at": "Time",
        "transaction": "Payment",
        "dispute_type": "Type",
        "held_amount": "Held",
        "fee_amount": "Fee",
        "gateway_dispute_id": "Gateway id",
        "fee_is_returned": "Fee returned if won",
    }
    fieldsets: Fieldsets = (
        (
            "Dispute",
            {"fields": ("id", "transaction", "merchant", "dispute_type", "reason_in_full")},
        ),
        ("Money", {"fields": ("amount", "held_amount", "fee_amount", "fee_is_returned")}),
        (
            "Course",
            {
                "fields": (
                    "deadline", "created_at", "evidence_submitted_at", "resolved_at",
                    "gateway_dispute_id", "ends_by",
                )
            },
        ),
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        opening = self.admin_site.admin_view(partial(evidence_acts.open_file, self))
        where = "<str:object_id>/evidence/<slug:field>/"
        return [path(where, opening, name="disputes_dispute_file"), *super().get_urls()]

    def headline(self, instance: Dispute) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    def found_as(self, instance: Dispute) -> str:  # type: ignore[override]
        amount = format_amount(instance.amount, instance.currency)
        return f"{amount} {instance.status} · {instance.environment}"

    def badges_of(self, instance: Dispute) -> list[Cell]:  # type: ignore[override]
        badges: list[Cell] = super().badges_of(instance)
        badges.insert(1, display.badge(instance.dispute_type))
        left = dispute_panels.answer_badge(instance)
        return [*badges, left] if left else badges

    @admin.display(description="Reason")
    def reason(self, dispute: Dispute) -> Cell:
        """In words; most disputes are chargebacks, so only an inquiry says what it is."""
        words = code_words(dispute.reason_code) or display.EMPTY
        if dispute.dispute_type == Dispute.INQUIRY:
            return format_html("{} {}", words, display.badge(dispute.dispute_type))
        return words

    @admin.display(description="Reason")
    def reason_in_full(self, dispute: Dispute) -> Cell:
        return code_words(dispute.reason_code)

    @admin.display(description="The end is told by")
    def ends_by(self, dispute: Dispute) -> Cell:
        return "the gateway" if dispute.is_at_gateway else "staff"

    @admin.display(description="Due")
    def deadline(self, dispute: Dispute) -> Cell:
        return deadline_cell(dispute)


def deadline_cell(dispute: Dispute) -> Cell:
    """The day, with what is left of the time while the dispute is open."""
    if dispute.status == states.OPEN:
        return display.due(dispute.due_date)
    return display.day(dispute.due_date)
