"""Reading dashboards as staff see them."""

from datetime import date
from typing import Any

from django.test import Client
from django.urls import reverse

from tests.console.test_pages import page_of
from tests.merchants.making import MadeMerchant

# The right to see them.
RIGHT = "analytics.view_dailytransactionsummary"


def ask(client: Client, first: date, last: date, **filters: str) -> Any:
    """The page of all merchants from one day to another."""
    page = client.get(reverse("admin:dashboard"), {"from": first, "to": last, **filters})
    assert page.status_code == 200
    return page


def ask_of(client: Client, merchant: MadeMerchant, **filters: Any) -> str:
    """The text of a merchant's tab."""
    address = page_of("merchants.merchant", merchant.id)
    page = client.get(address, {"tab": "Dashboard", **filters})
    assert page.status_code == 200
    text: str = page.content.decode()
    return text


def tiles_of(page: Any) -> dict[str, str]:
    return {tile.label: tile.value for tile in page.context["tiles"]}


def charts_of(page: Any) -> dict[str, Any]:
    return {drawn["chart"].title: drawn["chart"] for drawn in page.context["charts"]}


def ranking_of(page: Any, title: str) -> list[tuple[str, str]]:
    drawings = {drawn["chart"].title: drawn["chart"] for drawn in page.context["rankings"]}
    return [(row.label, row.value) for row in drawings[title].rows]


def on(day: date) -> dict[str, str]:
    """The filters for one day."""
    return {"from": str(day), "to": str(day)}
