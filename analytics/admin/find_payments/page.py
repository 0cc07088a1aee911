"""The page on which staff find payments: of one merchant and one environment, which is decided here.

It asks what ``GET /v1/search/transactions`` asks, of the same engines.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from analytics.admin.find_payments.asked import (
    Asked,
    chips_of,
    day_buttons,
    given_of,
    without_secrets,
)
from analytics.admin.find_payments.facets import amounts_chart, facets_of
from analytics.admin.find_payments.form import FindForm
from analytics.admin.find_payments.merchant import SEE_MERCHANTS, Chosen, choose_merchant
from analytics.admin.find_payments.results import answered_by, results_panel
from analytics.search.pages import PageToken, read_token, write_token
from analytics.search.search import search_payments
from merchants.models import Merchant
from payments_project.console import display
from payments_project.console.panels import PageLink, link_page
from payments_project.errors import InvalidInput, Unavailable
from payments_project.tenancy import ENVIRONMENTS, LIVE, TEST, Scope

PERMISSION = "transactions.view_transaction"
TEMPLATE = "admin/console/find_payments.html"


def find_payments(request: HttpRequest, model_admin: admin.ModelAdmin) -> HttpResponse:
    """The search of one merchant's payments; without a merchant, the merchants to choose from."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    kept = without_secrets(request.GET)
    if kept is not None:
        words = "Card numbers and keys are not searched for, and stand in no address: of a card's"
        messages.error(request, f"{words} number only the last four digits are looked for.")
        return HttpResponseRedirect(f"{request.path}?{urlencode(kept)}")
    chosen = choose_merchant(request, request.GET.get("merchant", ""))
    environment = request.GET.get("environment", "")
    asked = Asked(
        merchant_id=str(chosen.merchant.pk) if chosen.merchant else chosen.typed,
        environment=environment if environment in ENVIRONMENTS else LIVE,
        form=FindForm(given_of(request.GET)),
    )
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Find payments",
        "asked": asked,
        "chosen": chosen,
        "environment_mark": "" if asked.environment == LIVE else display.environment_badge(TEST),
        "environments": [(name, asked.url(environment=name)) for name in ENVIRONMENTS],
        **_parts(request, asked, chosen),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _parts(request: HttpRequest, asked: Asked, chosen: Chosen) -> dict[str, Any]:
    if chosen.merchant is None:
        return {
            "offered": [
                (found, asked.url(merchant=str(found.pk), page="")) for found in chosen.offered
            ],
            "may_choose": request.user.has_perm(SEE_MERCHANTS),
            "transactions_url": display.list_url("transactions.transaction"),
        }
    shown = {
        "merchant_link": _merchant_link(request, chosen.merchant),
        "other_url": asked.url(merchant=""),
        "clear_url": f"?{urlencode(asked.whose)}",
        "day_buttons": day_buttons(asked.form, today=datetime.now(UTC).date()),
        "chips": chips_of(asked),
    }
    if not asked.form.is_valid():
        return shown | {"problem": "Nothing was searched: something above can't be read."}
    return shown | _found(request, asked, Scope(chosen.merchant.pk, asked.environment))


def _merchant_link(request: HttpRequest, merchant: Merchant) -> Any:
    if not request.user.has_perm(SEE_MERCHANTS):
        return merchant.business_name
    return display.object_link("merchants.Merchant", merchant.pk, merchant.business_name)


def _found(request: HttpRequest, asked: Asked, scope: Scope) -> dict[str, Any]:
    """What the engines say; a page that is none is told, and the first one shown."""
    problem, page = "", None
    try:
        page = _page(request, asked, scope)
    except InvalidInput:
        problem = "That page is of another search: this is the first one."
    query = asked.form.search_query()
    try:
        if page is None:
            found = search_payments(scope, query)
        else:
            query = replace(query, with_typos=page.with_typos)
            found = search_payments(scope, query, after=page.after, snapshot=page.snapshot)
    except Unavailable:
        return {
            "problem": "This takes too long to search through. Narrow it: a few days, the last"
            " four digits or a status help most."
        }
    return {
        "problem": problem,
        "found": found,
        "answered_by": answered_by(found),
        "panel": results_panel(request, scope, found),
        "facets": facets_of(asked, found.facets),
        "amounts": amounts_chart(asked, found.facets),
        "first_url": asked.url() if page else "",
        "next_url": asked.page_url(write_token(scope, asked.form.parameters, found))
        if found.has_more
        else "",
    }


def _page(request: HttpRequest, asked: Asked, scope: Scope) -> PageToken | None:
    token = request.GET.get("page", "")
    return read_token(scope, asked.form.parameters, token) if token else None


def _url_for(merchant: Merchant) -> str:
    return reverse("admin:find_payments", query={"merchant": merchant.pk})


link_page(
    "merchants.merchant",
    PageLink(title="Find payments", icon="manage_search", permission=PERMISSION, make_url=_url_for),
)
