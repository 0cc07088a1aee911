"""A dashboard's tables: by currency, and the days or months one by one."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from analytics.admin.dashboard.drawings import step_words
from analytics.admin.dashboard.figures import Figures
from analytics.summary_selectors import DAY, Sums
from payments_project.console import display
from payments_project.console.panels import Column, Panel
from payments_project.console.presented import Cell
from payments_project.money import format_amount

_NUMBERS = tuple(
    Column(title, is_number=True)
    for title in ("Payments", "Success", "Gross", "Fees", "Net", "Refunded", "Disputes")
)


def currencies_panel(figures: Figures) -> Panel:
    """Each currency of the period; its row leads to the page in that currency."""
    return Panel(
        title="By currency",
        icon="currency_exchange",
        columns=(Column("Currency"), *_NUMBERS),
        rows=[
            [_currency(figures, currency), *_numbers(sums, currency)]
            for currency, sums in figures.currencies
        ],
        empty="No payments in these days.",
    )


def steps_panel(figures: Figures) -> Panel:
    """The days or months shown, newest first; the summaries behind them are a list to export."""
    period = figures.asked.period
    filters = {
        "summary_date_from": period.first,
        "summary_date_to": period.last,
        "environment": figures.asked.environment,
        "currency": figures.currency,
    }
    if figures.merchant_id:
        filters["merchant"] = figures.merchant_id
    return Panel(
        title=f"Days in {figures.currency}"
        if figures.asked.grain == DAY
        else f"Months in {figures.currency}",
        icon="table_rows",
        columns=(Column("Day" if figures.asked.grain == DAY else "Month"), *_NUMBERS),
        rows=[
            [step_words(figures, step), *_numbers(step.sums, figures.currency)]
            for step in reversed(figures.steps)
        ],
        more_url=display.list_url("analytics.DailyTransactionSummary", **filters),
        more_text="Daily summaries, to export as CSV",
    )


def _currency(figures: Figures, currency: str) -> SafeString:
    return format_html(
        '<a class="c-link" href="{}"{}>{}</a>',
        figures.asked.url(currency=currency),
        mark_safe(' aria-current="true"') if currency == figures.currency else "",
        currency,
    )


def _numbers(sums: Sums, currency: str) -> Sequence[Cell]:
    rate = sums.success_rate
    return [
        f"{sums.payments:,}",
        display.EMPTY if rate is None else f"{rate:.1%}",
        *(_amount(value, currency) for value in (sums.gross, sums.fees, sums.net, sums.refunded)),
        f"{sums.disputed:,}",
    ]


def _amount(value: int, currency: str) -> SafeString:
    """Without the code, which the row or the title has."""
    css = "c-money c-negative" if value < 0 else "c-money"
    return format_html('<span class="{}">{}</span>', css, format_amount(value, currency))
