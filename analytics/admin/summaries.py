"""Summaries in the console: a row per merchant and day, and the monthly view.

Django's admin takes no model with a composite key, so the monthly view has a page of its own.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from analytics.admin.dashboard import dashboard
from analytics.models import DailyTransactionSummary, MerchantMonthlyStats
from analytics.selectors import monthly_stats_computed_at
from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.filters import (
    currency_filter,
    date_range_filter,
    environment_filter,
)
from payments_project.console.names import attach_names, name_of
from payments_project.console.panels import Column, Panel, panel
from payments_project.console.presented import Cell
from payments_project.console.search import ID
from payments_project.staff.admin_base import Fieldsets, ReadOnlyAdmin
from payments_project.tenancy import ENVIRONMENTS, LIVE

MONTHLY_PERMISSION = "analytics.view_merchantmonthlystats"
MONTHLY_ROWS = 100
# The view holds two years; see its definition.
MONTHS_SHOWN = 24


def monthly_stats(request: HttpRequest, model_admin: admin.ModelAdmin) -> HttpResponse:
    """The monthly view: one month of one environment, a hundred rows a page, merchant by merchant.

    Read in the order of the view's unique index, from the merchant where the last page ended.
    """
    if not request.user.has_perm(MONTHLY_PERMISSION):
        raise PermissionDenied
    months = _months(datetime.now(UTC))
    month = _chosen_month(request.GET.get("month"), months)
    asked = request.GET.get("environment")
    environment = asked if asked in ENVIRONMENTS else LIVE
    rows = MerchantMonthlyStats.objects.filter(month=month, environment=environment)
    after = _uuid(request.GET.get("after"))
    if after is not None:
        rows = rows.filter(merchant_id__gte=after)
    found = list(
        rows.order_by("merchant_id", "environment", "month", "currency")[: MONTHLY_ROWS + 1]
    )
    shown = found[:MONTHLY_ROWS]
    following = found[MONTHLY_ROWS].merchant_id if len(found) > MONTHLY_ROWS else None
    # A merchant is not cut in two, unless it alone fills the page.
    if following is not None and following != shown[0].merchant_id:
        shown = [row for row in shown if row.merchant_id != following]
    attach_names(shown, ["merchant_id"])
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Monthly stats",
        "months": months,
        "month": month,
        "environments": ENVIRONMENTS,
        "environment_shown": environment,
        "following": following,
        "panel": Panel(
            title=f"{month:%B %Y}",
            icon="calendar_month",
            columns=_MONTHLY_COLUMNS,
            rows=[_monthly_cells(row) for row in shown],
            note=_freshness(),
            empty="No payments in this month, or the view has not been refreshed since.",
        ),
    }
    return TemplateResponse(request, "admin/console/monthly_stats.html", context)


_NUMBER_COLUMNS = (
    Column("Payments", is_number=True),
    Column("Succeeded", is_number=True),
    Column("High risk", is_number=True),
    Column("Average", is_number=True),
    Column("Volume", is_number=True),
)
_MONTHLY_COLUMNS = (Column("Merchant"), *_NUMBER_COLUMNS)


def _monthly_cells(row: MerchantMonthlyStats) -> list[Cell]:
    merchant = display.object_link(
        "merchants.Merchant", row.merchant_id, name_of(row, "merchant_id")
    )
    return [merchant, *_numbers(row)]


def _numbers(row: MerchantMonthlyStats) -> list[Cell]:
    rate = row.successful_count / row.transaction_count if row.transaction_count else 0
    average = None if row.avg_amount is None else round(row.avg_amount)
    return [
        f"{row.transaction_count:,}",
        f"{rate:.1%}",
        f"{row.high_risk_count:,}",
        display.money(average, row.currency),
        display.money(int(row.total_amount or 0), row.currency),
    ]


def _freshness() -> str:
    computed_at = monthly_stats_computed_at()
    if computed_at is None:
        return "Not computed yet; that is done once a day at 02:00 UTC."
    now = datetime.now(UTC)
    return (
        f"As it was {display.age(computed_at, now=now)}, on {computed_at:%d %b %H:%M} UTC;"
        " computed once a day at 02:00 UTC."
    )


def _months(now: datetime) -> list[datetime]:
    newest = datetime(now.year, now.month, 1, tzinfo=UTC)
    months = [newest]
    for _ in range(MONTHS_SHOWN):
        last = months[-1]
        months.append(last.replace(year=last.year - (last.month == 1), month=last.month - 1 or 12))
    return months


def _chosen_month(text: str | None, months: list[datetime]) -> datetime:
    return next((month for month in months if f"{month:%Y-%m}" == text), months[0])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@admin.register(DailyTransactionSummary)
class DailyTransactionSummaryAdmin(ReadOnlyAdmin):
    """A merchant's UTC day in one currency; success is having reached ``succeeded`` some time."""

    list_display = (
        "summary_date",
        "merchant",
        "transaction_count",
        "success",
        "gross_amount",
        "fee_amount",
        "net_amount",
        "refunded_amount",
        "dispute_count",
        "environment",
    )
    export_fields = (
        "summary_date", "id", "merchant", "merchant_name", "environment", "currency",
        "transaction_count", "successful_count", "failed_count", "refunded_count", "gross_amount",
        "fee_amount", "net_amount", "refunded_amount", "success_rate", "high_risk_count",
        "fraud_count", "dispute_count", "updated_at",
    )  # fmt: skip
    list_filter = (
        date_range_filter("summary_date", title="day", is_indexed=True),
        environment_filter,
        currency_filter,
    )
    ordering = ("-summary_date", "-pk")
    ordered_scopes = ("merchant",)
    # The index is (merchant, day): the environment does not stand between them.
    scope_branches = ("", ())
    search_by = {ID: ("pk", "merchant_id")}
    money = ("gross_amount", "fee_amount", "net_amount", "refunded_amount")
    labels = {
        "summary_date": "Day",
        "transaction_count": "Payments",
        "gross_amount": "Gross",
        "fee_amount": "Fees",
        "net_amount": "Net",
        "refunded_amount": "Refunded",
        "dispute_count": "Disputes",
        "updated_at": "Computed",
    }
    fieldsets: Fieldsets = (
        ("Day", {"fields": ("summary_date", "merchant", "environment", "currency", "id")}),
        (
            "Payments",
            {
                "fields": (
                    "transaction_count", "successful_count", "failed_count", "refunded_count",
                    "dispute_count", "high_risk_count", "fraud_count", "success",
                )
            },
        ),
        (
            "Amounts",
            {"fields": ("gross_amount", "fee_amount", "net_amount", "refunded_amount")},
        ),
        ("Computed", {"fields": ("created_at", "updated_at")}),
    )  # fmt: skip
    custom_urls = (
        ("dashboard/", "dashboard", dashboard),
        ("monthly/", "monthly_stats", monthly_stats),
    )

    def headline(self, instance: DailyTransactionSummary) -> str:  # type: ignore[override]
        name = name_of(instance, "merchant_id") or str(instance.merchant_id)
        return f"{name} · {instance.summary_date:%d %b %Y} · {instance.currency}"

    @admin.display(description="Success rate")
    def success(self, summary: DailyTransactionSummary) -> str:
        return f"{summary.success_rate or 0:.1%}"


@panel("merchants.merchant", permission=MONTHLY_PERMISSION)
def merchant_months_panel(request: HttpRequest, merchant: Merchant) -> Panel:
    """A merchant's live months."""
    rows: list[Any] = list(
        MerchantMonthlyStats.objects.filter(merchant_id=merchant.pk, environment=LIVE).order_by(
            "-month", "currency"
        )[:12]
    )
    return Panel(
        title="Live months",
        icon="calendar_month",
        columns=(Column("Month"), *_NUMBER_COLUMNS),
        rows=[[f"{row.month:%b %Y}", *_numbers(row)] for row in rows],
        note=_freshness(),
        empty="No live payments in the last two years.",
        more_url=reverse("admin:monthly_stats"),
        order=50,
    )
