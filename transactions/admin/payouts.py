"""Payouts in the console: the list, their pages, the files for the bank, the home page's part."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.filters import (
    AmountFilter,
    CreatedFilter,
    choice_filter,
    currency_filter,
    environment_filter,
    flag_filter,
)
from payments_project.console.home import (
    Counted,
    HomeParts,
    Tile,
    count_words,
    home_part,
)
from payments_project.console.panels import ROWS_MAX, Column, Panel, first_of_many, panel
from payments_project.console.presented import Cell
from payments_project.console.search import GATEWAY_ID, ID
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.approval_admin import show_approvals_of
from payments_project.staff.audit import record_audit
from transactions import states
from transactions.admin.panels import ledger_of, timeline
from transactions.admin.payout_acts import EXPORT, PAYOUT_ACTS
from transactions.models import LedgerEntry
from transactions.payout_models import (
    BankSimulatorTransfer,
    Payout,
    PayoutAccount,
    PayoutExport,
)

FAILED_SINCE = timedelta(days=7)
PAYOUTS_TAB = "Payouts"
_TRANSFER_STATES = ("accepted", "paid", "failed", "returned", "barred")

PAYOUT_COLUMNS = (
    Column("Time"),
    Column("Status"),
    Column("To", is_minor=True),
    Column("Requested by", is_minor=True),
    Column("Amount", is_number=True),
)


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """Payouts, newest first."""

    list_display = (
        "created_at",
        "amount",
        "state",
        "to_account",
        "merchant",
        "requested",
        "paid_at",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "amount", "currency",
        "status", "awaits_approval", "account", "bank_name", "bank_reference", "sent_at",
        "paid_at", "failure_code", "failure_message", "description", "schedule_day",
        "requested_by_kind", "requested_by", "approved_by", "export", "retry_of", "updated_at",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.PAYOUT_STATES, indexed=(states.PENDING, states.FAILED)),
        flag_filter("awaits_approval", title="approval", words=("awaited", "not awaited")),
        environment_filter,
        CreatedFilter,
        AmountFilter,
        currency_filter,
    )
    list_select_related = ("account",)
    ordered_scopes = ("merchant",)
    small_scopes = ("export", "account")
    search_by = {ID: ("pk",), GATEWAY_ID: ("bank_reference",)}
    acts = PAYOUT_ACTS
    list_acts = (EXPORT,)
    money = ("amount",)
    codes = ("bank_reference", "failure_code")
    labels = {
        "created_at": "Time",
        "paid_at": "Paid",
        "sent_at": "Sent",
        "schedule_day": "Scheduled for",
        "failure_code": "Failure",
        "failure_message": "In words",
        "bank_name": "Bank",
        "bank_reference": "Its reference",
        "bank_response": "Its answer",
    }
    fieldsets: Fieldsets = (
        (
            "Payout",
            {
                "fields": (
                    "id", "merchant", "amount", "to_account", "description", "requested",
                    "approved", "repeats",
                )
            },
        ),
        (
            "Course",
            {
                "fields": (
                    "created_at", "schedule_day", "sent_at", "paid_at", "failure_code",
                    "failure_message",
                )
            },
        ),
        ("Bank", {"fields": ("bank_name", "in_file", "bank_reference", "bank_response")}),
    )  # fmt: skip

    def headline(self, instance: Payout) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    def badges_of(self, instance: Payout) -> list[Cell]:  # type: ignore[override]
        return [self.state(instance), display.environment_badge(instance.environment)]

    def found_as(self, instance: Payout) -> str:  # type: ignore[override]
        amount = format_amount(instance.amount, instance.currency)
        return f"{amount} {instance.status} · {instance.environment}"

    @admin.display(description="Status")
    def state(self, payout: Payout) -> Cell:
        return state_cell(payout)

    @admin.display(description="To")
    def to_account(self, payout: Payout) -> Cell:
        return account_cell(payout.account)

    @admin.display(description="Requested by")
    def requested(self, payout: Payout) -> Cell:
        return display.actor(payout.requested_by_kind, payout.requested_by)

    @admin.display(description="Approved by")
    def approved(self, payout: Payout) -> Cell:
        return display.actor("staff", payout.approved_by) if payout.approved_by else display.EMPTY

    @admin.display(description="Repeats")
    def repeats(self, payout: Payout) -> Cell:
        return display.object_link("transactions.Payout", payout.retry_of_id)

    @admin.display(description="File")
    def in_file(self, payout: Payout) -> Cell:
        return display.object_link("transactions.PayoutExport", payout.export_id)


def state_cell(payout: Payout) -> Cell:
    """The status, and what a pending payout waits for."""
    shown = display.badge(payout.status)
    if payout.status != states.PENDING:
        return shown
    if payout.awaits_approval:
        return format_html("{} {}", shown, display.badge("needs approval", display.RED))
    waits = "with the bank" if payout.sent_at else "to be sent"
    return format_html('{} <span class="c-muted">{}</span>', shown, waits)


def account_cell(account: PayoutAccount) -> Cell:
    """``DE ···· 3000``, linked; the rest of the number is nobody's to read."""
    text = format_html('{} <span class="c-dots">····</span> {}', account.country, account.last_four)
    return display.object_link("transactions.PayoutAccount", account.pk, text)


def payout_rows(payouts: Iterable[Payout]) -> list[list[Cell]]:
    """Payouts as rows of ``PAYOUT_COLUMNS``, each linked by its time."""
    return [
        [
            display.object_link(
                "transactions.Payout", payout.pk, display.moment(payout.created_at)
            ),
            state_cell(payout),
            account_cell(payout.account),
            display.actor(payout.requested_by_kind, payout.requested_by),
            display.money(payout.amount, payout.currency),
        ]
        for payout in payouts
    ]


@panel("transactions.payout", permission="payments_project.view_event")
def payout_timeline_panel(request: HttpRequest, payout: Payout) -> Panel:
    """Every state that the payout reached."""
    return timeline("payout", payout.pk)


@panel("transactions.payout", permission="transactions.view_ledgerentry")
def payout_ledger_panel(request: HttpRequest, payout: Payout) -> Panel:
    """How the payout moved money; found by the index of what is about no payment."""
    entries = LedgerEntry.objects.filter(
        source_id=payout.pk,
        transaction_id__isnull=True,
        id__gte=uuid7_floor(payout.created_at - timedelta(days=1)),
    )
    return ledger_of(entries, payment=None)


show_approvals_of("transactions.payout")


@panel("merchants.merchant", permission="transactions.view_payout", tab=PAYOUTS_TAB)
def merchant_payouts_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's newest payouts."""
    found = Payout.objects.filter(merchant_id=merchant.pk).select_related("account")
    return Panel(
        title="Newest payouts",
        icon="outbound",
        columns=PAYOUT_COLUMNS,
        rows=payout_rows(found.order_by("-id")[:10]),
        empty="No payouts yet.",
        more_url=display.list_url("transactions.payout", merchant=merchant.pk),
        order=60,
    )


@admin.register(PayoutExport)
class PayoutExportAdmin(ReadOnlyAdmin):
    """Files for the bank, newest first; each is handed over once."""

    list_display = ("created_at", "total", "count", "created_by", "environment")
    export_fields = ("id", "created_at", "environment", "currency", "count", "total", "created_by")
    list_filter = (environment_filter, currency_filter, CreatedFilter)
    search_by = {ID: ("pk",)}
    money = ("total",)
    # It holds account numbers: read by "Download" alone, which is on record.
    hidden = ("content",)
    labels = {"created_at": "Made", "created_by": "By", "count": "Payouts"}
    fieldsets: Fieldsets = (
        ("File", {"fields": ("id", "total", "count", "created_at", "created_by", "download")}),
    )

    def headline(self, instance: PayoutExport) -> Cell:  # type: ignore[override]
        return display.money(instance.total, instance.currency)

    def found_as(self, instance: PayoutExport) -> str:  # type: ignore[override]
        return f"{instance.count} payouts in {instance.currency} · {instance.environment}"

    @admin.display(description="pain.001")
    def download(self, export: PayoutExport) -> Cell:
        url = reverse("admin:transactions_payoutexport_file", args=[export.pk])
        return format_html('<a class="c-link" href="{}">Download (on record)</a>', url)

    def get_urls(self) -> list[URLPattern]:
        file = self.admin_site.admin_view(self.file)
        name = "transactions_payoutexport_file"
        return [path("<uuid:export_id>/file/", file, name=name), *super().get_urls()]

    def file(self, request: HttpRequest, export_id: Any) -> HttpResponse:
        """The file itself: the same one each time. That it was read is on record."""
        if not request.user.has_perm("transactions.export_payout"):
            raise PermissionDenied
        export = PayoutExport.objects.filter(pk=export_id).first()
        if export is None:
            raise Http404
        run_in_transaction(
            lambda: record_audit(request=request, action="payout_export.read", obj=export)
        )
        response = HttpResponse(export.content, content_type="application/xml")
        response.headers["Content-Disposition"] = (
            f'attachment; filename="payouts-{export.currency}-{export.pk.hex}.xml"'
        )
        response.headers["Cache-Control"] = "no-store"
        return response


@panel("transactions.payoutexport", permission="transactions.view_payout")
def exported_payouts_panel(request: HttpRequest, export: PayoutExport) -> Panel:
    """What the file holds."""
    found = Payout.objects.filter(export=export).select_related("account").order_by("id")
    rows = payout_rows(found[:ROWS_MAX])
    return Panel(
        title="Payouts in it",
        icon="outbound",
        columns=PAYOUT_COLUMNS,
        rows=rows,
        note=first_of_many(rows),
        more_url=display.list_url("transactions.payout", export=export.pk),
        order=10,
    )


@admin.register(BankSimulatorTransfer)
class BankSimulatorTransferAdmin(ReadOnlyAdmin):
    """The simulated bank's side of payouts; its reference is our payout's id."""

    list_display = ("created_at", "amount", "status", "bank_id", "scenario", "failure_code")
    export_fields = (
        "reference", "created_at", "bank_id", "amount", "currency", "status", "scenario",
        "failure_code", "updated_at",
    )  # fmt: skip
    list_filter = (choice_filter("status", _TRANSFER_STATES),)
    search_by = {ID: ("pk",)}
    money = ("amount",)
    codes = ("bank_id", "scenario", "failure_code")

    def headline(self, instance: BankSimulatorTransfer) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)


@home_part(permission="transactions.view_payout")
def payouts_to_look_at(request: HttpRequest, environment: str) -> HomeParts:
    """Payouts that wait for a second person, and those that failed: found by small indexes."""
    since = uuid7_floor(datetime.now(UTC) - FAILED_SINCE)
    rows = Payout.objects.filter(environment=environment)
    failed, awaiting = yield Counted(
        [
            rows.filter(status=states.FAILED, id__gte=since),
            rows.filter(status=states.PENDING, sent_at__isnull=True, awaits_approval=True),
        ]
    )
    hints = [f"{count_words(failed)} failed"] * bool(failed)
    hints += [f"{count_words(awaiting)} to approve"] * bool(awaiting)
    yield Tile(
        label="Payouts",
        icon="outbound",
        value=count_words(failed + awaiting),
        hint=", ".join(hints) or "none failed in a week",
        tone=display.RED if failed else display.AMBER if awaiting else "",
        url=display.list_url(
            "transactions.payout",
            environment=environment,
            **({"status": "failed"} if failed else {"status": "pending"}),
        ),
        order=50,
    )
