"""Refunds and disputes in the console, and what of them stands on other pages."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html

from disputes import dispute_panels, evidence_acts, refund_acts, staff_acts, states
from disputes.models import Dispute, Refund
from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.filters import (
    AmountFilter,
    ConsoleFilter,
    CreatedFilter,
    choice_filter,
    currency_filter,
    environment_filter,
)
from payments_project.console.home import (
    Counted,
    HomeParts,
    Named,
    Tile,
    count_words,
    home_part,
)
from payments_project.console.names import attach_names, name_of
from payments_project.console.panels import ROWS_MAX, Column, Panel, first_of_many, panel
from payments_project.console.presented import Cell
from payments_project.console.search import GATEWAY_ID, ID
from payments_project.database.uuid7 import uuid7_floor, uuid7_time
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from transactions.admin.panels import ledger_of, paid_with, timeline
from transactions.models import LedgerEntry, Transaction

# How many of an oldest-first queue stand on the home page.
QUEUE_ROWS = 8


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
        return display.clip(_words(refund.reason))

    @admin.display(description="Reason")
    def reason_in_full(self, refund: Refund) -> Cell:
        return _words(refund.reason)

    @admin.display(description="Requested by")
    def requested(self, refund: Refund) -> Cell:
        return display.actor(refund.requested_by_kind, refund.requested_by)


def _words(code: str | None) -> str:
    """``product not received``."""
    return (code or "").replace("_", " ")


class DueFilter(ConsoleFilter):
    """Open disputes by their deadline; the index of open ones finds them."""

    title = "due"
    parameters = ("due",)
    is_indexed = True
    _DAYS = {"overdue": -1, "within 3 days": 3, "within 7 days": 7, "within 14 days": 14}

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        chosen = self.used_parameters.get("due")
        options = [(word, word, word == chosen) for word in self._DAYS]
        yield {"kind": "select", "name": "due", "label": "due", "options": options}

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
        words = _words(dispute.reason_code) or display.EMPTY
        if dispute.dispute_type == Dispute.INQUIRY:
            return format_html("{} {}", words, display.badge(dispute.dispute_type))
        return words

    @admin.display(description="Reason")
    def reason_in_full(self, dispute: Dispute) -> Cell:
        return _words(dispute.reason_code)

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


_REFUND_COLUMNS = (
    Column("Time"),
    Column("Status"),
    Column("Reason", is_minor=True),
    Column("Requested by", is_minor=True),
    Column("Amount", is_number=True),
)
_DISPUTE_COLUMNS = (
    Column("Opened"),
    Column("Status"),
    Column("Type"),
    Column("Due"),
    Column("Amount", is_number=True),
)


def refund_rows(refunds: Iterable[Refund]) -> list[list[Cell]]:
    """Refunds as rows of a panel, each linked by its time."""
    return [
        [
            display.object_link("disputes.Refund", refund.pk, display.moment(refund.created_at)),
            display.badge(refund.status),
            (refund.reason or "").replace("_", " "),
            display.actor(refund.requested_by_kind, refund.requested_by),
            display.money(refund.amount, refund.currency),
        ]
        for refund in refunds
    ]


def dispute_rows(disputes: Iterable[Dispute]) -> list[list[Cell]]:
    """Disputes as rows of a panel, each linked by its time; open ones with the days left."""
    return [
        [
            display.object_link("disputes.Dispute", dispute.pk, display.moment(dispute.created_at)),
            display.badge(dispute.status),
            display.badge(dispute.dispute_type),
            deadline_cell(dispute),
            display.money(dispute.amount, dispute.currency),
        ]
        for dispute in disputes
    ]


@panel("transactions.transaction", permission="disputes.view_refund")
def refunds_panel(request: HttpRequest, transaction: Transaction) -> Panel | None:
    """The payment's refunds."""
    rows = refund_rows(Refund.objects.filter(transaction=transaction).order_by("id")[:ROWS_MAX])
    if not rows:
        return None
    return Panel(
        title="Refunds",
        icon="undo",
        columns=_REFUND_COLUMNS,
        rows=rows,
        note=first_of_many(rows),
        more_url=display.list_url("disputes.refund", transaction=transaction.pk),
        order=20,
    )


@panel("transactions.transaction", permission="disputes.view_dispute")
def disputes_panel(request: HttpRequest, transaction: Transaction) -> Panel | None:
    """The payment's disputes."""
    rows = dispute_rows(Dispute.objects.filter(transaction=transaction).order_by("id")[:ROWS_MAX])
    if not rows:
        return None
    return Panel(
        title="Disputes",
        icon="gavel",
        columns=_DISPUTE_COLUMNS,
        rows=rows,
        note=first_of_many(rows),
        more_url=display.list_url("disputes.dispute", transaction=transaction.pk),
        order=30,
    )


@panel("disputes.refund", permission="transactions.view_transaction")
def refunded_payment_panel(request: HttpRequest, refund: Refund) -> Panel:
    """The payment that the refund gives back."""
    return _payment_panel(refund.transaction_id)


@panel("disputes.refund", permission="payments_project.view_event")
def refund_timeline_panel(request: HttpRequest, refund: Refund) -> Panel:
    """Every state that the refund reached."""
    return timeline("refund", refund.pk)


@panel("disputes.refund", permission="transactions.view_ledgerentry")
def refund_ledger_panel(request: HttpRequest, refund: Refund) -> Panel:
    """How the refund moved money."""
    return _ledger(refund)


@panel("disputes.dispute", permission="transactions.view_ledgerentry")
def dispute_ledger_panel(request: HttpRequest, dispute: Dispute) -> Panel:
    """What the dispute holds and took."""
    return _ledger(dispute)


def _ledger(made: Refund | Dispute) -> Panel:
    # By the payment's index; the key leaves out the months before.
    return ledger_of(
        LedgerEntry.objects.filter(
            transaction_id=made.transaction_id,
            source_id=made.pk,
            id__gte=uuid7_floor(uuid7_time(made.pk)),
        ),
        payment=made.transaction_id,
    )


@panel("disputes.dispute", permission="payments_project.view_event")
def dispute_timeline_panel(request: HttpRequest, dispute: Dispute) -> Panel:
    """Every state that the dispute reached."""
    return timeline("dispute", dispute.pk)


@panel("disputes.dispute", permission="transactions.view_transaction")
def disputed_payment_panel(request: HttpRequest, dispute: Dispute) -> Panel:
    """The payment that the dispute is about."""
    return _payment_panel(dispute.transaction_id)


def _payment_panel(transaction_id: Any) -> Panel:
    payments = list(Transaction.objects.filter(pk=transaction_id))
    attach_names(payments, ["customer_id"])
    rows: list[list[Cell]] = [
        [
            display.object_link(
                "transactions.Transaction", payment.pk, display.moment(payment.created_at)
            ),
            display.badge(payment.status),
            paid_with(payment),
            display.money(payment.refunded_amount, payment.currency),
            display.money(payment.amount, payment.currency),
        ]
        for payment in payments
    ]
    return Panel(
        title="Payment",
        icon="credit_card",
        columns=[
            Column("Time"), Column("Status"), Column("Card", is_minor=True),
            Column("Refunded", is_number=True, is_minor=True),
            Column("Amount", is_number=True),
        ],
        rows=rows,
        order=10,
    )  # fmt: skip


@panel("merchants.merchant", permission="disputes.view_dispute", tab="Disputes")
def merchant_disputes_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's newest live disputes."""
    found = Dispute.objects.filter(merchant_id=merchant.pk, environment="live").order_by("-id")
    return Panel(
        title="Newest live disputes",
        icon="gavel",
        columns=_DISPUTE_COLUMNS,
        rows=dispute_rows(found[:10]),
        empty="No disputes.",
        more_url=display.list_url("disputes.dispute", merchant=merchant.pk),
        order=40,
    )


@home_part(permission="disputes.view_dispute")
def disputes_by_deadline(request: HttpRequest, environment: str) -> HomeParts:
    """Open disputes, the nearest deadline first: in the order of their index."""
    open_ones = Dispute.objects.filter(status=states.OPEN, environment=environment)
    nearest = list(open_ones.order_by("due_date")[:QUEUE_ROWS])
    today = datetime.now(UTC).date()
    count, overdue, soon = yield Counted(
        [
            open_ones,
            open_ones.filter(due_date__lt=today),
            open_ones.filter(due_date__gte=today, due_date__lte=today + timedelta(days=3)),
        ]
    )
    yield Named(nearest, ["merchant_id"])
    url = display.list_url("disputes.dispute", environment=environment, status="open")
    hints = [f"{count_words(overdue)} overdue"] * bool(overdue)
    hints += [f"{count_words(soon)} due within 3 days"] * bool(soon)
    yield Tile(
        label="Open disputes",
        icon="gavel",
        value=count_words(count),
        hint=", ".join(hints) or "none due within 3 days",
        tone=display.RED if hints else "",
        url=url,
        order=30,
    )
    yield Panel(
        title="Disputes by deadline",
        icon="gavel",
        columns=[
            Column("Due"),
            Column("Reason", is_minor=True),
            Column("Merchant", is_minor=True),
            Column("Amount", is_number=True),
        ],
        rows=_queue_rows(nearest),
        empty="No dispute waits for an answer.",
        more_url=url,
        order=30,
    )


def _queue_rows(disputes: list[Dispute]) -> list[list[Cell]]:
    return [
        [
            display.object_link("disputes.Dispute", dispute.pk, display.due(dispute.due_date)),
            (dispute.reason_code or dispute.dispute_type).replace("_", " "),
            display.clip(name_of(dispute, "merchant_id")),
            display.money(dispute.amount, dispute.currency),
        ]
        for dispute in disputes
    ]


@home_part(permission="disputes.view_refund")
def pending_refunds(request: HttpRequest, environment: str) -> HomeParts:
    """Refunds whose outcome is open, oldest first: in the order of their index."""
    pending = Refund.objects.filter(status=states.PENDING, environment=environment)
    oldest = list(pending.order_by("created_at")[:QUEUE_ROWS])
    (count,) = yield Counted([pending])
    url = display.list_url("disputes.refund", environment=environment, status="pending")
    yield Tile(
        label="Refunds pending",
        icon="undo",
        value=count_words(count),
        hint="wait for the gateway",
        tone=display.AMBER if count else "",
        url=url,
        order=40,
    )
    if oldest:
        yield Panel(
            title="Pending refunds, oldest first",
            icon="undo",
            columns=_REFUND_COLUMNS,
            rows=refund_rows(oldest),
            more_url=url,
            order=40,
        )


__all__ = ["refund_acts"]
