"""Customers of merchants. What is encrypted of them is shown only on request, and on record."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from merchants.models import RISK_CHOICES, Customer, CustomerTotal
from merchants.personal_data import FIELDS, read_personal_data
from payments_project.console import display
from payments_project.console.acts import Act, Shown
from payments_project.console.filters import (
    CreatedFilter,
    choice_filter,
    environment_filter,
    flag_filter,
)
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import EMAIL, ID, TEXT
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.staff.audit import record_audit


def _reveal(request: HttpRequest, customer: Customer, values: Mapping[str, Any]) -> Shown:
    stored = Customer.objects.get(pk=customer.pk)
    data = read_personal_data(stored)
    record_audit(
        request=request,
        action="customer.revealed",
        obj=customer,
        after={"shown": [name for name in FIELDS if data[name] is not None]},
        reason=values["reason"],
    )
    return Shown(
        title="Personal data",
        message="That you saw it is on record. It is not shown again without another entry.",
        facts=[(name.replace("_", " ").capitalize(), _personal(data[name])) for name in FIELDS],
    )


def _personal(value: Any) -> Cell:
    if isinstance(value, dict):
        return ", ".join(str(part) for part in value.values() if part) or display.EMPTY
    return str(value) if value else display.EMPTY


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    """Customers of all merchants, newest first; without their encrypted personal data."""

    list_display = (
        "created_at",
        "email",
        "external_customer_id",
        "total_transactions",
        "last_transaction_at",
        "is_active",
        "merchant",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "external_customer_id",
        "email", "risk_level", "total_transactions", "first_transaction_at",
        "last_transaction_at", "is_active", "updated_at",
    )  # fmt: skip
    list_filter = (
        environment_filter,
        choice_filter("risk_level", [level for level, _ in RISK_CHOICES], title="risk"),
        flag_filter("is_active", title="active"),
        CreatedFilter,
    )
    ordered_scopes = ("merchant",)
    search_by = {ID: ("pk",), EMAIL: ("email",), TEXT: ("external_customer_id",)}
    search_words = {TEXT: "the merchant's id for it"}
    search_by_scan = (TEXT,)
    hidden = ("encrypted_pii", "encryption_key_id", "phone", "total_amount")
    codes = ("external_customer_id",)
    acts = (
        Act(
            name="reveal",
            title="Show personal data",
            icon="visibility",
            permission="merchants.reveal_customer",
            explanation="Name, phone, address and birth date are encrypted. Showing them to you "
            "is recorded in the audit trail, with your reason.",
            perform=_reveal,
            is_offered=lambda customer: bool(customer.is_active),
        ),
    )
    labels = {
        "created_at": "Created",
        "email": "E-mail",
        "external_customer_id": "Merchant's id",
        "total_transactions": "Payments",
        "first_transaction_at": "First payment",
        "last_transaction_at": "Last payment",
        "risk_level": "Risk",
        "is_active": "Active",
        "updated_at": "Changed",
    }
    fieldsets: Fieldsets = (
        (
            "Customer",
            {"fields": ("id", "merchant", "email", "external_customer_id", "is_active")},
        ),
        (
            "Activity",
            {
                "fields": (
                    "total_transactions", "first_transaction_at", "last_transaction_at",
                    "created_at", "updated_at",
                )
            },
        ),
        ("Risk", {"fields": ("risk_level", "risk_score")}),
        ("Metadata", {"fields": ("metadata",)}),
    )  # fmt: skip

    def headline(self, instance: Customer) -> Cell:  # type: ignore[override]
        if not instance.is_active:
            return "Deleted customer"
        return instance.email or instance.external_customer_id or "Customer"

    def found_as(self, instance: Customer) -> str:  # type: ignore[override]
        name = instance.email or instance.external_customer_id or str(instance.pk)
        return f"{name} · {instance.environment}"


@panel("merchants.customer", permission="merchants.view_customer")
def totals_panel(request: HttpRequest, customer: Customer) -> Panel:
    """What the customer has paid, by currency."""
    totals = CustomerTotal.objects.filter(customer=customer).order_by("currency")[:200]
    return Panel(
        title="Paid in all",
        icon="functions",
        note="Captured amounts of payments that succeeded at some time.",
        columns=[Column("Currency"), Column("Amount", is_number=True)],
        rows=[[total.currency, display.money(total.amount, total.currency)] for total in totals],
        empty="Nothing yet.",
        order=10,
    )
