"""The vault in the console: what may be shown, read-only, and found by exact value.

No card data is read for these pages, let alone decrypted.
"""

import re

from django.contrib import admin
from django.http import HttpRequest

from merchants.models import Customer
from payments_project.console import display
from payments_project.console.filters import choice_filter, environment_filter, flag_filter
from payments_project.console.panels import ROWS_MAX, Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID, LAST_FOUR, TEXT, TOKEN, Conditions
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from vault.cards import BRANDS
from vault.models import PaymentMethod

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def by_fingerprint(text: str) -> Conditions | None:
    """Every token of one card; None for a text that is no fingerprint."""
    wanted = text.lower()
    return {"fingerprint": wanted} if _FINGERPRINT.fullmatch(wanted) else None


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ReadOnlyAdmin):
    """Payment methods, newest first."""

    list_display = (
        "created_at",
        "card",
        "state",
        "short_token",
        "customer_id",
        "merchant_id",
        "last_used_at",
        "environment",
    )
    export_fields = (
        "created_at", "token", "merchant_id", "merchant_name", "environment", "customer_id",
        "payment_method_type", "brand", "last_four", "expires_at", "is_active", "last_used_at",
    )  # fmt: skip
    list_filter = (
        environment_filter,
        choice_filter("brand", dict.fromkeys(BRANDS.values())),
        flag_filter("is_active", title="state", words=("active", "detached")),
    )
    ordering = ("-created_at", "-token")
    ordered_scopes = ("merchant_id",)
    small_scopes = ("customer_id", "fingerprint")
    search_by = {
        LAST_FOUR: ("last_four",),
        TOKEN: ("token",),
        ID: ("customer_id",),
        TEXT: (by_fingerprint,),
    }
    search_words = {ID: "customer's id", TEXT: "fingerprint"}
    hidden = ("encrypted_data",)
    codes = ("fingerprint", "encryption_key_id")
    labels = {
        "created_at": "Created",
        "customer_id": "Customer",
        "merchant_id": "Merchant",
        "last_used_at": "Last used",
        "payment_method_type": "Type",
        "encryption_key_id": "Encrypted by",
    }
    fieldsets: Fieldsets = (
        (
            "Card",
            {"fields": ("token", "payment_method_type", "card", "expires", "fingerprint")},
        ),
        ("Owner", {"fields": ("customer_id", "merchant_id")}),
        ("Course", {"fields": ("created_at", "last_used_at", "encryption_key_id")}),
    )

    def headline(self, instance: PaymentMethod) -> Cell:  # type: ignore[override]
        return self.card(instance)

    def badges_of(self, instance: PaymentMethod) -> list[Cell]:  # type: ignore[override]
        return [self.state(instance), *super().badges_of(instance)]

    def found_as(self, instance: PaymentMethod) -> str:  # type: ignore[override]
        return f"{instance.brand} ···· {instance.last_four} · {instance.environment}"

    @admin.display(description="Card")
    def card(self, method: PaymentMethod) -> Cell:
        return display.card(method.brand, method.last_four)

    @admin.display(description="Token")
    def short_token(self, method: PaymentMethod) -> Cell:
        return display.short_code(method.token)

    @admin.display(description="Expires")
    def expires(self, method: PaymentMethod) -> str:
        return f"{method.expires_at:%m/%Y}" if method.expires_at else ""

    @admin.display(description="State")
    def state(self, method: PaymentMethod) -> Cell:
        if method.is_active:
            return display.badge("active")
        return display.badge("detached", display.GREY)


@panel("merchants.customer", permission="vault.view_paymentmethod")
def customer_cards_panel(request: HttpRequest, customer: Customer) -> Panel:
    """A customer's payment methods, detached ones included."""
    methods = (
        PaymentMethod.objects.filter(customer_id=customer.pk)
        .defer("encrypted_data")
        .order_by("-created_at")[:ROWS_MAX]
    )
    return Panel(
        title="Payment methods",
        icon="wallet",
        columns=[Column("Card"), Column("Expires"), Column("State"), Column("Last used")],
        rows=[
            [
                display.object_link(
                    "vault.PaymentMethod",
                    method.pk,
                    display.card(method.brand, method.last_four),
                ),
                f"{method.expires_at:%m/%Y}" if method.expires_at else display.EMPTY,
                display.badge("active")
                if method.is_active
                else display.badge("detached", display.GREY),
                display.moment(method.last_used_at),
            ]
            for method in methods
        ],
        empty="No payment methods.",
        more_url=display.list_url("vault.paymentmethod", customer_id=customer.pk),
        order=15,
    )
