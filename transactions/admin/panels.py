"""What stands beside the facts on a payment's page, and payments on a customer's and a merchant's.

Every panel reads by an index and at most a page's worth.
"""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from merchants.models import Customer, Merchant
from payments_project.console import display
from payments_project.console.panels import ROWS_MAX, Column, Panel, Step, first_of_many, panel
from payments_project.console.presented import Cell
from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.models import Event
from transactions.admin.money import moved
from transactions.models import LedgerEntry, Transaction
from transactions.selectors import events_of
from vault.models import PaymentMethod

# What a step of a payment's life is called; the type itself is in the event.
_VERBS = {
    "authorized": "Authorized",
    "captured": "Captured, to be confirmed",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "refunded": "Refunded in full",
    "disputed": "Disputed",
    "paid": "Paid by the bank",
    "updated": "Updated",
}
_FIRST_STEPS = {
    "transaction.created": "Intent recorded",
    "refund.created": "Requested",
    "dispute.created": "Opened",
    "payout.created": "Set aside",
}
PAYMENT_COLUMNS = (
    Column("Time"),
    Column("Status"),
    Column("Card", is_minor=True),
    Column("Gateway", is_minor=True),
    Column("Amount", is_number=True),
)


@panel("transactions.transaction", permission="payments_project.view_event")
def timeline_panel(request: HttpRequest, transaction: Transaction) -> Panel:
    """Every state that the payment reached, with its cause, from the event log."""
    return timeline("transaction", transaction.pk)


def timeline(aggregatetype: str, key: UUID) -> Panel:
    """The events of an object whose key is a UUIDv7, as a panel."""
    return Panel(
        title="Timeline",
        icon="timeline",
        steps=[_step(event) for event in events_of(aggregatetype, key)],
        empty="No events; their months may have been dropped.",
        more_url=display.list_url("payments_project.event", aggregateid=key),
        more_text="Events",
        order=10,
    )


def _step(event: Event) -> Step:
    verb = event.type.partition(".")[2]
    status = str(event.payload.get("object", {}).get("status", ""))
    cause = format_html("by {}", display.actor(event.actor_kind, event.actor_id))
    if event.request_id:
        cause = format_html("{} · {}", cause, display.code(event.request_id))
    return Step(
        title=format_html(
            "{} {}",
            _FIRST_STEPS.get(event.type) or _VERBS.get(verb, verb.replace("_", " ").capitalize()),
            display.badge(status) if status != verb else "",
        ),
        at=display.moment(event.created_at),
        tone=display.TONES.get(status, display.GREY),
        detail=cause,
    )


@panel("transactions.transaction", permission="transactions.view_ledgerentry")
def ledger_panel(request: HttpRequest, transaction: Transaction) -> Panel:
    """How the payment, its refunds and its disputes moved money."""
    return ledger_of(
        LedgerEntry.objects.filter(
            transaction_id=transaction.pk, id__gte=uuid7_floor(transaction.created_at)
        ),
        payment=transaction.pk,
    )


def ledger_of(entries: "QuerySet[LedgerEntry]", *, payment: UUID | None) -> Panel:
    """Ledger entries, oldest first, as a panel; it leads to all of the payment's, if there is one."""
    shown = list(entries.order_by("id")[:ROWS_MAX])
    return Panel(
        title="Ledger",
        icon="receipt_long",
        columns=[
            Column("Time"), Column("Type"), Column("From → to", is_minor=True),
            Column("Available", is_minor=True),
            Column("Amount", is_number=True),
        ],
        rows=[
            [
                display.moment(entry.created_at),
                display.object_link(
                    "transactions.LedgerEntry", entry.pk, entry.type.replace("_", " ")
                ),
                moved(entry),
                display.day(entry.available_on),
                display.money(entry.amount, entry.currency),
            ]
            for entry in shown
        ],
        empty="No money has moved.",
        note=first_of_many(shown),
        more_url=display.list_url("transactions.ledgerentry", transaction_id=payment)
        if payment
        else "",
        more_text="All of the payment's",
        order=40,
    )  # fmt: skip


@panel("transactions.transaction", permission="transactions.view_transaction")
def other_payments_panel(request: HttpRequest, transaction: Transaction) -> Panel | None:
    """The customer's newest other payments."""
    return payments_beside(transaction)


def payments_beside(transaction: Transaction, *, order: int = 70) -> Panel | None:
    """The newest other payments of a payment's customer, as a panel; None where none is named."""
    if transaction.customer_id is None:
        return None
    return _payments_panel(
        Transaction.objects.filter(customer_id=transaction.customer_id).exclude(pk=transaction.pk),
        count=6,
        title="The customer's other payments",
        icon="person",
        empty="This is the customer's only payment.",
        more={"customer": transaction.customer_id},
        order=order,
    )


@panel("merchants.customer", permission="transactions.view_transaction")
def customer_payments_panel(request: HttpRequest, customer: Customer) -> Panel:
    """A customer's newest payments."""
    return _payments_panel(
        Transaction.objects.filter(customer_id=customer.pk), more={"customer": customer.pk}
    )


@panel("vault.paymentmethod", permission="transactions.view_transaction")
def method_payments_panel(request: HttpRequest, method: PaymentMethod) -> Panel:
    """The newest payments that were made with a payment method."""
    return _payments_panel(
        Transaction.objects.filter(payment_method_token=method.pk),
        more={"payment_method_token": method.pk},
    )


@panel("merchants.merchant", permission="transactions.view_transaction", tab="Payments")
def merchant_payments_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's newest live payments."""
    return _payments_panel(
        Transaction.objects.filter(merchant_id=merchant.pk, environment="live"),
        count=10,
        title="Newest live payments",
        empty="No live payments yet.",
        more={"merchant": merchant.pk},
        order=30,
    )


def _payments_panel(
    payments: "QuerySet[Transaction]",
    *,
    more: Mapping[str, object],
    count: int = 15,
    title: str = "Payments",
    icon: str = "credit_card",
    empty: str = "No payments yet.",
    order: int = 20,
) -> Panel:
    """The newest ``count`` of ``payments``; ``more`` are the list's filters for all of them."""
    return Panel(
        title=title,
        icon=icon,
        columns=PAYMENT_COLUMNS,
        rows=payment_rows(list(payments.order_by("-id")[:count])),
        empty=empty,
        more_url=display.list_url("transactions.transaction", **more),
        order=order,
    )


def paid_with(payment: Transaction) -> Cell:
    """The payment's card, or of one taken elsewhere the kind of its payment method."""
    if not payment.last_four:
        return payment.payment_method_type.replace("_", " ")
    return display.card(payment.brand, payment.last_four)


def payment_rows(payments: list[Transaction]) -> list[list[Cell]]:
    """Payments as rows of a panel, each linked by its time."""
    return [
        [
            display.object_link(
                "transactions.Transaction", payment.pk, display.moment(payment.created_at)
            ),
            display.badge(payment.status),
            paid_with(payment),
            payment.gateway_name,
            display.money(payment.amount, payment.currency),
        ]
        for payment in payments
    ]
