"""The dashboard of all merchants, a page of its own, and that of one, a tab of its page."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from analytics.admin.dashboard.asked import DAYS_DRAWN_MAX, Asked, read_asked
from analytics.admin.dashboard.drawings import charts, tiles
from analytics.admin.dashboard.figures import Figures, read_figures
from analytics.admin.dashboard.period import PERIODS
from analytics.admin.dashboard.rankings import rankings_of_all, rankings_of_merchant
from analytics.admin.dashboard.tables import currencies_panel, steps_panel
from analytics.summary_selectors import DAY, MONTH
from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.charts import Ranking, drawn
from payments_project.console.panels import DASHBOARD, TAB_PARAMETER, Panel, panel
from payments_project.tenancy import ENVIRONMENTS, LIVE, TEST

PERMISSION = "analytics.view_dailytransactionsummary"
TEMPLATE = "admin/console/dashboard.html"


def dashboard(request: HttpRequest, model_admin: admin.ModelAdmin) -> HttpResponse:
    """All merchants' business in a range of days, read from the daily summaries."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    asked = read_asked(request.GET, today=datetime.now(UTC).date())
    figures = read_figures(asked)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Dashboard",
        **_context(figures, rankings_of_all(request, figures) if figures.currency else []),
    }
    return TemplateResponse(request, "admin/console/dashboard_page.html", context)


@panel("merchants.merchant", permission=PERMISSION, tab=DASHBOARD)
def merchant_dashboard(request: HttpRequest, merchant: Merchant) -> Panel:
    """One merchant's business, with its customers in place of merchants."""
    asked = read_asked(
        request.GET, today=datetime.now(UTC).date(), fixed={TAB_PARAMETER: DASHBOARD}
    )
    figures = read_figures(asked, merchant_id=merchant.pk)
    rankings = rankings_of_merchant(request, figures) if figures.currency else []
    body = render_to_string(TEMPLATE, _context(figures, rankings), request=request)
    return Panel(title=DASHBOARD, body=body, is_bare=True)


def _context(figures: Figures, rankings: list[Ranking]) -> dict[str, Any]:
    asked = figures.asked
    # Also without payments in the period: what there was before then tells that they have ended.
    has_any = bool(figures.shown.payments or figures.before.payments)
    return {
        "asked": asked,
        "figures": figures,
        "has_any": has_any,
        "environment_mark": "" if asked.environment == LIVE else display.environment_badge(TEST),
        "computed": display.ago(figures.computed_at) if figures.computed_at else "",
        "due": display.ago(figures.due_since) if figures.due_since else "",
        "environments": [(name, asked.url(environment=name)) for name in ENVIRONMENTS],
        "presets": [(name, words, asked.url(period=name)) for name, words in PERIODS.items()],
        "grains": _grains(asked),
        "form_fields": _form_fields(asked),
        "currencies": _currencies(figures),
        "days_drawn_max": DAYS_DRAWN_MAX,
        "tiles": tiles(figures) if has_any else [],
        "charts": [drawn(chart) for chart in charts(figures)] if has_any else [],
        "rankings": [drawn(ranking) for ranking in rankings] if has_any else [],
        "currencies_panel": currencies_panel(figures) if figures.currencies else None,
        "steps_panel": steps_panel(figures) if has_any else None,
    }


def _grains(asked: Asked) -> list[tuple[str, str, bool]]:
    """Days and months, each with its address; none for days that have no room."""
    days_url = asked.url(grain=DAY) if asked.period.days <= DAYS_DRAWN_MAX else ""
    return [
        ("Days", days_url, asked.grain == DAY),
        ("Months", asked.url(grain=MONTH), asked.grain == MONTH),
    ]


def _form_fields(asked: Asked) -> list[tuple[str, str]]:
    """What the form keeps: its own fields are days, currency and grain."""
    own = ("from", "to", "currency", "grain")
    return [(name, text) for name, text in asked.parameters.items() if name not in own]


def _currencies(figures: Figures) -> list[str]:
    codes = [currency for currency, _ in figures.currencies]
    return (
        codes if figures.currency in codes or not figures.currency else [*codes, figures.currency]
    )
