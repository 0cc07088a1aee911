"""The list of payments and a payment's page."""

from django.contrib import admin
from django.utils.html import format_html

from merchants.models import Customer
from payments_project.console import display
from payments_project.console.filters import (
    AmountFilter,
    CreatedFilter,
    choice_filter,
    currency_filter,
    environment_filter,
)
from payments_project.console.presented import Cell
from payments_project.console.search import (
    EMAIL,
    GATEWAY_ID,
    ID,
    LAST_FOUR,
    TOKEN,
    Conditions,
)
from payments_project.money import format_amount
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from transactions import states
from transactions.admin.gateway_names import GATEWAY_NAMES
from transactions.admin.panels import paid_with
from transactions.admin.payment_acts import PAYMENT_ACTS
from transactions.models import Transaction

# An address of many merchants' customers; what they paid is found through each of them.
CUSTOMERS_MAX = 500


def by_customer_email(email: str) -> Conditions | None:
    """Payments of the customers with an e-mail address, at every merchant."""
    spellings = {email, email.lower()}
    found = Customer.objects.filter(email__in=spellings).values_list("pk", flat=True)
    ids = list(found[:CUSTOMERS_MAX])
    return {"customer_id__in": ids} if ids else None


def by_gateway_id(gateway_id: str) -> Conditions:
    """The payment that a gateway knows by an id; its index begins with the gateway's name."""
    return {"gateway_name__in": GATEWAY_NAMES, "gateway_transaction_id": gateway_id}


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """Payments, newest first; read-only, because money moves through services alone."""

    list_display = (
        "created_at",
        "amount",
        "status",
        "card",
        "customer",
        "merchant",
        "risk_in_list",
        "environment",
    )
    export_fields = (
        "id", "created_at", "merchant", "merchant_name", "environment", "status", "amount",
        "currency", "captured_amount", "refunded_amount", "fee_amount", "net_amount", "customer",
        "payment_method_type", "brand", "last_four", "gateway_name", "gateway_transaction_id",
        "failure_code", "decline_code", "failure_message", "risk_level", "compliance_status",
        "description", "updated_at",
    )  # fmt: skip
    list_filter = (
        choice_filter("status", states.STATES, indexed=(states.PENDING,)),
        environment_filter,
        CreatedFilter,
        AmountFilter,
        currency_filter,
        choice_filter("risk_level", ("low", "medium", "high"), title="risk"),
        choice_filter("gateway_name", GATEWAY_NAMES, title="gateway"),
    )
    ordered_scopes = ("merchant",)
    small_scopes = ("customer", "payment_method_token")
    search_by = {
        ID: ("pk", "customer_id"),
        EMAIL: (by_customer_email,),
        LAST_FOUR: ("last_four",),
        GATEWAY_ID: (by_gateway_id,),
        TOKEN: ("payment_method_token",),
    }
    search_by_scan = (LAST_FOUR,)
    acts = PAYMENT_ACTS
    money = ("amount", "captured_amount", "refunded_amount", "fee_amount", "net_amount")
    badges = ("status", "risk_level")
    codes = ("gateway_transaction_id", "ip_address", "failure_code", "decline_code")
    labels = {
        "created_at": "Time",
        "updated_at": "Changed",
        "gateway_name": "Gateway",
        "gateway_transaction_id": "Gateway id",
        "gateway_response": "Its answer",
        "payment_method_token": "Payment method",
        "ip_address": "IP address",
        "captured_amount": "Captured",
        "refunded_amount": "Refunded",
        "fee_amount": "Fee",
        "authorization_expires_at": "Expires",
        "failure_message": "Message",
        "compliance_status": "Compliance",
    }
    fieldsets: Fieldsets = (
        (
            "Payment",
            {"fields": ("id", "merchant", "description", "created_at", "updated_at", "metadata")},
        ),
        (
            "Amounts",
            {
                "fields": (
                    "amount", "captured_amount", "refunded_amount", "fee_amount", "net",
                )
            },
        ),
        ("Payer", {"fields": ("customer", "card", "payment_method_token", "ip_address")}),
        ("Risk", {"fields": ("risk", "compliance_status")}),
        (
            "Gateway",
            {
                "fields": (
                    "gateway_name", "gateway_transaction_id", "authorization_expires_at",
                    "gateway_response",
                )
            },
        ),
    )  # fmt: skip

    def headline(self, instance: Transaction) -> Cell:  # type: ignore[override]
        return display.money(instance.amount, instance.currency)

    def badges_of(self, instance: Transaction) -> list[Cell]:  # type: ignore[override]
        badges = super().badges_of(instance)
        if instance.refunded_amount and instance.left_to_refund:
            words = format_html(
                '<span class="c-muted">{} left after refunds</span>',
                display.money(instance.left_to_refund, instance.currency),
            )
            badges.append(words)
        if instance.failure_message:
            badges.append(format_html('<span class="c-muted">{}</span>', instance.failure_message))
        return badges

    def found_as(self, instance: Transaction) -> str:  # type: ignore[override]
        amount = format_amount(instance.amount, instance.currency)
        card = f" · {instance.brand} ···· {instance.last_four}" if instance.last_four else ""
        when = f"{instance.created_at:%d %b %Y %H:%M}"
        return f"{amount} {instance.status}{card} · {when} · {instance.environment}"

    @admin.display(description="Card")
    def card(self, transaction: Transaction) -> Cell:
        return paid_with(transaction)

    @admin.display(description="Net before refunds")
    def net(self, transaction: Transaction) -> Cell:
        """Nothing before a capture, where the column has what it would be."""
        if not transaction.captured_amount:
            return display.EMPTY
        return display.money(transaction.net_amount, transaction.currency)

    @admin.display(description="Risk")
    def risk(self, transaction: Transaction) -> Cell:
        level = display.badge(transaction.risk_level)
        if transaction.fraud_score is None:
            return level
        score = f"{transaction.fraud_score:.2f}"
        return format_html('{} <span class="c-muted">{}</span>', level, score)

    @admin.display(description="Risk")
    def risk_in_list(self, transaction: Transaction) -> Cell:
        """In a list only what is out of the ordinary may catch the eye."""
        if transaction.risk_level in (None, "low"):
            return format_html('<span class="c-muted">{}</span>', transaction.risk_level or "—")
        return display.badge(transaction.risk_level)
