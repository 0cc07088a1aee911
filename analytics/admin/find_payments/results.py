"""What was found, as a table, and how it was."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.search.engines import ENGINE_NAMES
from analytics.search.query import Found
from payments_project.console import display
from payments_project.console.names import attach_names, name_of
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell
from payments_project.tenancy import Scope
from transactions.access import transactions_of
from transactions.admin.panels import paid_with
from transactions.models import Transaction

SEE_CUSTOMERS = "merchants.view_customer"
_COLUMNS = (
    Column("Time"),
    Column("Amount", is_number=True),
    Column("Status"),
    Column("Paid with", is_minor=True),
    Column("Description", is_minor=True, is_text=True),
)


def results_panel(request: HttpRequest, scope: Scope, found: Found) -> Panel:
    """The page's payments, in the order found."""
    rows = _rows(scope, [place.id for place in found.places])
    sees_customers = request.user.has_perm(SEE_CUSTOMERS)
    if sees_customers:
        attach_names(rows, ["customer_id"])
    return Panel(
        title=total_words(found),
        icon="credit_card",
        columns=_COLUMNS,
        rows=[_cells(row, sees_customers=sees_customers) for row in rows],
        note=" ".join(filter(None, (_typos_note(found), _count_note(found)))),
        empty="No payment of this merchant is like that.",
    )


def total_words(found: Found) -> str:
    """``1 payment``, ``12 payments``, ``more than 20,000 payments``."""
    more = "" if found.is_total_exact else "More than "
    return f"{more}{found.total:,} payment{'' if found.total == 1 and not more else 's'}"


def answered_by(found: Found) -> str:
    """Which engine answered and how fresh that is: ``Elasticsearch, up to 2 s ago``."""
    name = ENGINE_NAMES[found.engine]
    if found.reached_at is None:
        return f"{name}, nobody knows how fresh"
    age = display.age(found.reached_at, now=datetime.now(UTC))
    return f"{name}, as of now" if age == "now" else f"{name}, up to {age}"


def _rows(scope: Scope, ids: Sequence[UUID]) -> list[Transaction]:
    """Whatever an engine says, only the merchant's own are read."""
    known = transactions_of(scope).in_bulk(ids)
    return [known[key] for key in ids if key in known]


def _typos_note(found: Found) -> str:
    if not found.with_typos or not found.total:
        return ""
    return "Nothing is written quite so: these have words that are a letter or two apart."


def _count_note(found: Found) -> str:
    return "" if found.is_total_exact else f"Counts are of the newest {found.total:,}."


def _cells(payment: Transaction, *, sees_customers: bool) -> list[Cell]:
    return [
        display.object_link(
            "transactions.Transaction", payment.pk, display.moment(payment.created_at)
        ),
        display.money(payment.amount, payment.currency),
        display.badge(payment.status),
        _stack(paid_with(payment), _customer(payment) if sees_customers else ""),
        _stack(
            display.clip(payment.description, is_long=True),
            display.short_code(payment.gateway_transaction_id)
            if payment.gateway_transaction_id
            else "",
        ),
    ]


def _customer(payment: Transaction) -> Cell:
    if payment.customer_id is None:
        return ""
    email = name_of(payment, "customer_id")
    shown = display.clip(email, is_long=True) if email else None
    return display.object_link("merchants.Customer", payment.customer_id, shown)


def _stack(first: Cell, second: Cell) -> SafeString:
    if not second:
        return format_html("{}", first)
    return format_html('<span class="c-stack">{}<small>{}</small></span>', first, second)
