"""A merchant's dashboard, a tab of its page: its own figures, declines and customers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client

from analytics import summary_selectors
from analytics.admin.dashboard import rankings
from analytics.models import SummaryDayDue
from tests.analytics.made_summaries import days_of_nobody, summarise
from tests.api_client import Api
from tests.console.dashboards import RIGHT, ask_of, on
from tests.console.test_pages import page_of
from tests.merchants.making import MadeMerchant, make_merchant

StaffWith = Callable[..., Client]


def customer_of(api: Api, **details: str) -> tuple[str, str]:
    """A new customer's id and its card."""
    made = api.post("/v1/customers", details)
    assert made.status_code == 201, made.text
    key = made.json()["id"]
    return key, api.card(customer=key)


def buy(api: Api, customer: tuple[str, str], amount: int, currency: str = "USD") -> None:
    key, card = customer
    body = {"amount": amount, "currency": currency, "customer": key, "payment_method": card}
    made = api.post("/v1/transactions", body)
    assert made.status_code == 201, made.text


def test_months_are_those_of_their_days_in_the_range(superuser: Client) -> None:
    months = [days_of_nobody().replace(day=1)]
    for _ in range(4):
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    first, second, third, fourth, fifth = months
    end = second - timedelta(days=1)
    merchant = make_merchant()
    for day, gross in (
        (first.replace(day=9), 1),
        (first.replace(day=10), 20),
        (end, 300),
        (third, 4_000),
        (fifth.replace(day=12), 50_000),
        (fifth.replace(day=13), 600_000),
    ):
        summarise(merchant.scope("live"), day, currency="BHD", succeeded=1, gross=gross)
    text = ask_of(
        superuser, merchant, **{"from": first.replace(day=10), "to": fifth.replace(day=12)}
    )
    for month, amount in (
        (f"{first:%b %Y} (10–{end.day})", "0.320"),
        (f"{second:%b %Y}", "0.000"),
        (f"{third:%b %Y}", "4.000"),
        (f"{fourth:%b %Y}", "0.000"),
        (f"{fifth:%b %Y} (1–12)", "50.000"),
    ):
        assert f"<title>{month}: BHD\N{NO-BREAK SPACE}{amount} gross" in text
    assert "600.000" not in text


def test_the_days_lead_to_their_summaries(superuser: Client) -> None:
    day, merchant = days_of_nobody(), make_merchant()
    summarise(merchant.scope("test"), day, succeeded=1, gross=1_000)
    text = ask_of(superuser, merchant, environment="test", **on(day))
    query = f"?summary_date_from={day}&amp;summary_date_to={day}&amp;environment=test"
    assert f"{query}&amp;currency=USD&amp;merchant={merchant.id}" in text


def test_how_fresh_it_is_stands_there(superuser: Client) -> None:
    day, merchant = days_of_nobody(), make_merchant()
    scope = merchant.scope("live")
    now = datetime.now(UTC)
    summarise(scope, day, succeeded=1, updated_at=now - timedelta(days=3, hours=1))
    summarise(scope, day, currency="EUR", updated_at=now - timedelta(hours=2, minutes=1))
    text = ask_of(superuser, merchant, **on(day))
    assert ">2 h ago</time>" in text
    assert "is being added" not in text

    due = {"environment": "live", "summary_date": day, "currency": "USD"}
    SummaryDayDue.objects.create(merchant_id=uuid4(), **due)
    assert "is being added" not in ask_of(superuser, merchant, **on(day))
    SummaryDayDue.objects.create(merchant_id=merchant.id, **due)
    assert "is being added" in ask_of(superuser, merchant, **on(day))
    SummaryDayDue.objects.filter(summary_date=day).delete()


def test_a_merchants_tab_has_its_own_figures_alone(superuser: Client) -> None:
    day, mine, other = days_of_nobody(), make_merchant(), make_merchant()
    summarise(mine.scope("live"), day, succeeded=4, gross=12_300)
    summarise(mine.scope("test"), day, succeeded=4, gross=45_600)
    summarise(other.scope("live"), day, succeeded=4, gross=78_900)
    summarise(other.scope("live"), day, currency="CHF", succeeded=9, gross=77_700)
    text = ask_of(superuser, mine, **on(day))
    assert "$123.00" in text
    for not_mine in ("$456.00", "$789.00", "$912.00", "CHF", "777.00", str(other.id)):
        assert not_mine not in text


def test_declines_and_customers_are_read_from_the_merchants_payments(
    superuser: Client, staff_with: StaffWith, merchant: MadeMerchant, api: Api, other_api: Api
) -> None:
    email, external = f"{uuid4()}@example.org", f"shop-{uuid4()}"
    by_email = customer_of(api, email=email)
    by_id = customer_of(api, external_customer_id=external)
    buy(api, by_email, 1_000)
    buy(api, by_email, 2_500)
    buy(api, by_id, 5_000)
    buy(api, by_id, 9_900, "EUR")
    api.paid(amount=60_000)
    for _ in range(2):
        api.pay("4000000000009995", amount=100)
    api.pay("4000000000000002", amount=100)
    stranger = f"{uuid4()}@example.org"
    buy(other_api, customer_of(other_api, email=stranger), 7_000)
    other_api.pay("4000000000000069", amount=100)
    today = datetime.now(UTC).date()
    summarise(merchant.scope(), today, succeeded=4, failed=3, gross=68_500)
    summarise(merchant.scope(), today, currency="EUR", succeeded=1, gross=9_900)
    filters = {"environment": "test", "period": "7d"}

    text = ask_of(superuser, merchant, **filters)

    assert "Declines in USD, by reason" in text
    declined = text.index("insufficient funds")
    assert declined < text.index("generic decline")
    assert text.index(">$50.00<") < text.index(">$35.00<")
    assert text.index(external) < text.index(email)
    assert page_of("merchants.customer", by_email[0]) in text
    assert stranger not in text
    assert "expired card" not in text
    assert "€99.00" in ask_of(superuser, merchant, **filters, currency="EUR")

    viewer = staff_with(RIGHT, "merchants.view_merchant")
    seen = ask_of(viewer, merchant, **filters)
    assert "$685.00" in seen
    for hidden in (email, external, "Top customers", "insufficient funds"):
        assert hidden not in seen


def test_of_too_many_payments_the_newest_are_read_and_it_is_said(
    superuser: Client, merchant: MadeMerchant, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary_selectors, "PAYMENTS_MAX", 2)
    monkeypatch.setattr(rankings, "PAYMENTS_MAX", 2)
    api.pay("4000000000009995", amount=100)
    for _ in range(2):
        api.pay("4000000000000002", amount=100)
    summarise(merchant.scope(), datetime.now(UTC).date(), failed=3)
    text = ask_of(superuser, merchant, environment="test")
    assert "Of the newest 2 payments, back to" in text
    assert "generic decline" in text
    assert "insufficient funds" not in text
