"""The ledger and the balances that are folded from it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.filters import (
    ConsoleFilter,
    CreatedFilter,
    choice_filter,
    currency_filter,
    date_range_filter,
    environment_filter,
)
from payments_project.console.names import name_of
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.tenancy import ENVIRONMENTS, Scope
from transactions import ledger_accounts as accounts
from transactions.balances import Balance, read_balances
from transactions.models import LedgerEntry, MerchantBalance, MerchantPendingDay

BALANCE_COLUMNS = (
    Column("Currency"),
    Column("Pending", is_number=True),
    Column("Available", is_number=True),
    Column("Reserved", is_number=True),
    Column("In all", is_number=True),
)


# By how the type of an entry begins.
_SOURCES = {
    "payment": "transactions.Transaction",
    "fee": "transactions.Transaction",
    "refund": "disputes.Refund",
    "dispute": "disputes.Dispute",
    "payout": "transactions.Payout",
}


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every movement of money, newest first; entries are corrected by new ones, never changed."""

    list_display = (
        "created_at",
        "type",
        "amount",
        "accounts",
        "merchant_id",
        "transaction_id",
        "available_on",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant_id", "merchant_name", "environment", "type", "amount",
        "currency", "debit_account", "credit_account", "transaction_id", "source_id",
        "available_on", "description",
    )  # fmt: skip
    list_filter = (
        choice_filter("type", accounts.TYPES),
        environment_filter,
        currency_filter,
        CreatedFilter,
    )
    ordered_scopes = ("merchant_id",)
    small_scopes = ("transaction_id",)
    search_by = {ID: ("pk", "transaction_id")}
    money = ("amount",)
    labels = {"created_at": "Time", "merchant_id": "Merchant", "transaction_id": "Payment"}
    fieldsets: Fieldsets = (
        ("Entry", {"fields": ("id", "type", "amount", "debit_account", "credit_account")}),
        (
            "Cause",
            {"fields": ("transaction_id", "source", "description", "created_at")},
        ),
        ("Owner", {"fields": ("merchant_id", "environment", "available_on")}),
    )

    def headline(self, instance: LedgerEntry) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    @admin.display(description="Source")
    def source(self, entry: LedgerEntry) -> Cell:
        """The payment, refund or dispute that moved the money; else the id as it is."""
        for prefix, label in _SOURCES.items():
            if entry.type.startswith(prefix):
                return display.object_link(label, entry.source_id)
        return display.code(entry.source_id)

    @admin.display(description="From → to")
    def accounts(self, entry: LedgerEntry) -> Cell:
        return moved(entry)


def moved(entry: LedgerEntry) -> Cell:
    """``available → gateway``: which account the amount left and which it reached."""
    return format_html(
        '{} <span class="c-muted">→</span> {}', entry.debit_account, entry.credit_account
    )


@admin.register(MerchantBalance)
class MerchantBalanceAdmin(ReadOnlyAdmin):
    """Folded balances, a second or so old; a balance's page reads it exactly."""

    list_display = (
        "currency",
        "merchant",
        "environment",
        "available_balance",
        "pending_balance",
        "reserved_balance",
        "updated_at",
    )
    export_fields = (
        "id", "merchant", "merchant_name", "environment", "currency", "available_balance",
        "pending_balance", "reserved_balance", "updated_at",
    )  # fmt: skip
    list_filter = (environment_filter, currency_filter)
    small_scopes = ("merchant",)
    search_by = {ID: ("pk", "merchant_id")}
    money = ("available_balance", "pending_balance", "reserved_balance")
    labels = {
        "available_balance": "Available",
        "pending_balance": "Pending",
        "reserved_balance": "Reserved",
        "updated_at": "Folded",
    }
    fieldsets: Fieldsets = (
        ("Balance", {"fields": ("merchant", "environment", "currency", "id")}),
        (
            "Folded",
            {
                "fields": (
                    "available_balance", "pending_balance", "reserved_balance", "updated_at",
                )
            },
        ),
    )  # fmt: skip

    def headline(self, instance: MerchantBalance) -> str:  # type: ignore[override]
        name = name_of(instance, "merchant_id") or str(instance.merchant_id)
        return f"{name} · {instance.currency}"

    def found_as(self, instance: MerchantBalance) -> str:  # type: ignore[override]
        return f"Balance in {instance.currency} · {instance.environment}"


def balance_rows(balances: list[Balance]) -> list[list[Cell]]:
    """Balances as rows of ``BALANCE_COLUMNS``."""
    return [
        [
            balance.currency,
            display.money(balance.pending, balance.currency),
            display.money(balance.available, balance.currency),
            display.money(balance.reserved, balance.currency),
            display.money(balance.pending + balance.available + balance.reserved, balance.currency),
        ]
        for balance in balances
    ]


@panel("transactions.merchantbalance", permission="transactions.view_merchantbalance")
def exact_balance_panel(request: HttpRequest, balance: MerchantBalance) -> Panel:
    """The merchant's balances at this moment: folded rows and what is not folded yet."""
    scope = Scope(balance.merchant_id, balance.environment)
    return Panel(
        title="Exactly now",
        icon="account_balance",
        note="Read from the folded rows and the ledger entries after them, in one statement.",
        columns=BALANCE_COLUMNS,
        rows=balance_rows(read_balances(scope)),
        order=10,
    )


@panel("transactions.merchantbalance", permission="transactions.view_merchantpendingday")
def pending_days_panel(request: HttpRequest, balance: MerchantBalance) -> Panel:
    """When the pending money becomes available."""
    days = MerchantPendingDay.objects.filter(
        merchant_id=balance.merchant_id,
        environment=balance.environment,
        currency=balance.currency,
    ).exclude(amount=0)
    return Panel(
        title="Becomes available",
        icon="event_upcoming",
        note="As folded; settlement moves what is due every few minutes.",
        columns=[Column("Day (UTC)"), Column("Amount", is_number=True)],
        rows=[
            [display.day(day.available_on), display.money(day.amount, day.currency)]
            for day in days.order_by("available_on")[:31]
        ],
        empty="Nothing is pending.",
        order=20,
    )


@panel("transactions.merchantbalance", permission="transactions.view_ledgerentry")
def balance_entries_panel(request: HttpRequest, balance: MerchantBalance) -> Panel:
    """The newest movements of this balance's currency."""
    entries = LedgerEntry.objects.filter(
        merchant_id=balance.merchant_id, environment=balance.environment
    ).order_by("-id")[:200]
    of_currency = [entry for entry in entries if entry.currency == balance.currency][:15]
    return Panel(
        title="Newest movements",
        icon="receipt_long",
        columns=[
            Column("Time"),
            Column("Type"),
            Column("From → to", is_minor=True),
            Column("Amount", is_number=True),
        ],
        rows=[
            [
                display.moment(entry.created_at),
                entry.type.replace("_", " "),
                moved(entry),
                display.money(entry.amount, entry.currency),
            ]
            for entry in of_currency
        ],
        more_url=display.list_url(
            "transactions.ledgerentry",
            merchant_id=balance.merchant_id,
            environment=balance.environment,
        ),
        order=30,
    )


@panel("merchants.merchant", permission="transactions.view_merchantbalance")
def merchant_balances_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's balances on its own page, live before test."""
    rows: list[list[Cell]] = []
    for environment in ENVIRONMENTS:
        badge = display.environment_badge(environment)
        found = balance_rows(read_balances(Scope(merchant.pk, environment)))
        rows += [[badge, *row] for row in found]
    return Panel(
        title="Balances",
        icon="account_balance",
        columns=[Column("Environment"), *BALANCE_COLUMNS],
        rows=rows,
        empty="No money has moved yet.",
        more_url=display.list_url("transactions.merchantbalance", merchant=merchant.pk),
        order=10,
    )


class SettledFilter(ConsoleFilter):
    """Days whose money is all settled are nobody's business unless asked for."""

    title = "settled days"
    parameters = ("settled",)
    is_indexed = True

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield self.select(["shown"])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.used_parameters.get("settled") == "shown":
            return queryset
        return queryset.exclude(amount=0)


@admin.register(MerchantPendingDay)
class MerchantPendingDayAdmin(ReadOnlyAdmin):
    """When pending money becomes available, by merchant, currency and UTC day."""

    list_display = ("available_on", "amount", "merchant_id", "environment")
    export_fields = (
        "id", "available_on", "merchant_id", "merchant_name", "environment", "amount", "currency",
    )  # fmt: skip
    list_filter = (
        environment_filter,
        currency_filter,
        date_range_filter("available_on", title="available on"),
        SettledFilter,
    )
    small_scopes = ("merchant_id",)
    search_by = {ID: ("pk", "merchant_id")}
    money = ("amount",)
    labels = {"merchant_id": "Merchant"}

    def headline(self, instance: MerchantPendingDay) -> str:  # type: ignore[override]
        name = name_of(instance, "merchant_id") or "A merchant"
        return f"{name} · {instance.available_on:%d %b %Y} · {instance.currency}"
