"""A dashboard's rankings: why payments failed, and who pays or takes most."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from analytics.admin.dashboard.figures import Figures
from analytics.services.roll_up_hours import DAYS_KEPT
from analytics.summary_selectors import (
    PAYMENTS_MAX,
    PaymentsSeen,
    read_declines_of_days,
    read_payments,
    read_top_merchants,
)
from merchants.models import Customer
from payments_project.console import display
from payments_project.console.charts import MAIN, Ranked, Ranking
from payments_project.console.names import attach_names, name_of
from payments_project.money import format_amount
from payments_project.tenancy import Scope

ROWS = 10
SEE_PAYMENTS = "transactions.view_transaction"
SEE_CUSTOMERS = "merchants.view_customer"
SEE_MERCHANTS = "merchants.view_merchant"


def rankings_of_all(request: HttpRequest, figures: Figures) -> list[Ranking]:
    """Reasons of declines and the merchants that took most."""
    found = [_declines_of_all(figures)] if request.user.has_perm(SEE_PAYMENTS) else []
    return [*found, _merchants(request, figures)]


def rankings_of_merchant(request: HttpRequest, figures: Figures) -> list[Ranking]:
    """Reasons of declines and the customers who paid most, as far as the user may see them."""
    sees_payments = request.user.has_perm(SEE_PAYMENTS)
    sees_customers = request.user.has_perm(SEE_CUSTOMERS)
    if figures.merchant_id is None or not (sees_payments or sees_customers):
        return []
    seen = read_payments(
        scope=Scope(figures.merchant_id, figures.asked.environment),
        currency=figures.currency,
        first=figures.asked.period.first,
        last=figures.asked.period.last,
        most=ROWS,
    )
    found = []
    if sees_payments:
        found.append(_declines(f"Declines in {figures.currency}", seen.declines, _cut_words(seen)))
    if sees_customers:
        found.append(_customers(figures, seen))
    return found


def _declines_of_all(figures: Figures) -> Ranking:
    """Of the days shown those whose reasons are still kept."""
    period = figures.asked.period
    kept = (datetime.now(UTC) - timedelta(days=DAYS_KEPT)).date() + timedelta(days=1)
    title = "Declines in all currencies"
    if period.last < kept:
        note = (
            f"Reasons of all merchants' declines are kept for {DAYS_KEPT} days, since {kept:%d %b}."
        )
        return _declines(title, [], note, empty="Choose newer days, or one merchant's page.")
    first = max(period.first, kept)
    declines = read_declines_of_days(
        environment=figures.asked.environment, first=first, last=period.last, most=ROWS
    )
    is_cut = first > period.first
    note = f"Since {first:%d %b} only: reasons are kept for {DAYS_KEPT} days." if is_cut else ""
    return _declines(title, declines, note)


def _declines(
    title: str,
    declines: Sequence[tuple[str, int]],
    note: str,
    *,
    empty: str = "No payment was declined.",
) -> Ranking:
    return Ranking(
        title=f"{title}, by reason",
        rows=[Ranked(code.replace("_", " "), f"{count:,}", count) for code, count in declines],
        empty=empty,
        note=note,
    )


def _cut_words(seen: PaymentsSeen) -> str:
    if not seen.is_cut or seen.since is None:
        return ""
    return f"Of the newest {PAYMENTS_MAX:,} payments, back to {seen.since:%d %b %Y %H:%M} UTC."


def _merchants(request: HttpRequest, figures: Figures) -> Ranking:
    rows = read_top_merchants(
        environment=figures.asked.environment,
        currency=figures.currency,
        first=figures.asked.period.first,
        last=figures.asked.period.last,
        most=ROWS,
    )
    attach_names(rows, ["merchant_id"])  # type: ignore[type-var]
    page = _merchant_page(figures) if request.user.has_perm(SEE_MERCHANTS) else None
    return Ranking(
        title=f"Top merchants in {figures.currency}",
        rows=[
            Ranked(
                name_of(row, "merchant_id") or str(row.merchant_id),
                format_amount(row.gross, figures.currency),
                row.gross,
                page(row.merchant_id) if page else "",
            )
            for row in rows
        ],
        empty="Nothing was captured in these days.",
        tone=MAIN,
    )


def _merchant_page(figures: Figures) -> Callable[[UUID], str]:
    """The same days, environment and currency on one merchant's page."""
    filters = figures.asked.url(tab="Dashboard", currency=figures.currency)
    return lambda key: reverse("admin:merchants_merchant_change", args=[key]) + filters


def _customers(figures: Figures, seen: PaymentsSeen) -> Ranking:
    names = _names([key for key, _, _ in seen.customers])
    notes = ["Captured of successful payments; guests are left out.", _cut_words(seen)]
    return Ranking(
        title=f"Top customers in {figures.currency}",
        rows=[
            Ranked(
                names.get(key, str(key)),
                format_amount(amount, figures.currency),
                amount,
                display.object_url("merchants.Customer", key) or "",
            )
            for key, amount, _ in seen.customers
        ],
        empty="No customer has paid in these days.",
        note=" ".join(filter(None, notes)),
        tone=MAIN,
    )


def _names(keys: Sequence[UUID]) -> dict[UUID, str]:
    """As customers' own pages are headed: nothing that is encrypted."""
    rows = Customer.objects.filter(pk__in=keys).values_list(
        "pk", "is_active", "email", "external_customer_id"
    )
    return {
        key: (email or external_id or str(key)) if is_active else "Deleted customer"
        for key, is_active, email, external_id in rows
    }
