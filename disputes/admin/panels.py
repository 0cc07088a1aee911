"""Refunds and disputes on other pages, and what stands beside their own facts."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from disputes.admin.lists import code_words, deadline_cell
from disputes.models import Dispute, Refund
from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.names import attach_names
from payments_project.console.panels import ROWS_MAX, Column, Panel, first_of_many, panel
from payments_project.console.presented import Cell
from payments_project.database.uuid7 import uuid7_floor, uuid7_time
from transactions.admin.panels import ledger_of, paid_with, timeline
from transactions.models import LedgerEntry, Transaction

REFUND_COLUMNS = (
    Column("Time"),
    Column("Status"),
    Column("Reason", is_minor=True),
    Column("Requested by", is_minor=True),
    Column("Amount", is_number=True),
)
DISPUTE_COLUMNS = (
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
            code_words(refund.reason),
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
        columns=REFUND_COLUMNS,
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
        columns=DISPUTE_COLUMNS,
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
        columns=DISPUTE_COLUMNS,
        rows=dispute_rows(found[:10]),
        empty="No disputes.",
        more_url=display.list_url("disputes.dispute", merchant=merchant.pk),
        order=40,
    )
