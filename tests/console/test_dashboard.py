"""The dashboards of all merchants and of one: exact figures, what is asked for, and who may see it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import DeclineHour
from payments_project.staff.roles import ROLES, SUPPORT
from tests.analytics.made_summaries import days_of_nobody, summarise
from tests.api_client import Api
from tests.console.conftest import _browser_of, _staff_user
from tests.console.dashboards import RIGHT, ask, ask_of, charts_of, ranking_of, tiles_of
from tests.console.test_pages import page_of
from tests.merchants.making import MadeMerchant, make_merchant

QUERIES_MAX = 15
StaffWith = Callable[..., Client]


@pytest.fixture
def support() -> Client:
    user = _staff_user()
    user.groups.add(Group.objects.get(name=SUPPORT))
    return _browser_of(user)


def test_all_merchants_figures_are_added_up(superuser: Client) -> None:
    day = days_of_nobody()
    one, two = make_merchant().scope("live"), make_merchant().scope("live")
    summarise(
        one, day, succeeded=8, failed=1, transaction_count=10, gross=100_000, fees=3_000,
        refunded_count=2, refunded_amount=4_500, dispute_count=1, fraud_count=1,
    )  # fmt: skip
    summarise(two, day, succeeded=2, gross=50_000, fees=1_500, dispute_count=None, fraud_count=None)
    summarise(one, day + timedelta(days=1), succeeded=5, failed=5, gross=30_000, fees=900)

    page = ask(superuser, day, day + timedelta(days=2))

    assert tiles_of(page) == {
        "Gross volume": "$1,800.00",
        "Net volume": "$1,746.00",
        "Payments": "22",
        "Success rate": "68.2%",
        "Refund rate": "2.5%",
        "Dispute rate": "6.67%",
    }
    charts = charts_of(page)
    assert [bar.values for bar in charts["Gross volume by day"].bars] == [
        (150_000,), (30_000,), (0,)
    ]  # fmt: skip
    assert [bar.values for bar in charts["Payments by day"].bars] == [
        (10, 1, 1), (5, 5, 0), (0, 0, 0)
    ]  # fmt: skip
    assert [point.share for point in charts["Success rate by day"].points] == [10 / 12, 0.5, None]
    assert [bar.values for bar in charts["Refunds by day"].bars] == [(4_500,), (0,), (0,)]
    assert [bar.values for bar in charts["Disputes by day"].bars] == [(1, 0), (0, 0), (0, 0)]
    assert charts["Refunds by day"].bars[0].title == (
        f"{day:%a %d %b %Y}: $45.00 refunded of 2 payments"
    )
    assert [value for _, value in ranking_of(page, "Top merchants in USD")] == [
        "$1,300.00", "$500.00"
    ]  # fmt: skip
    text = page.content.decode()
    days = f"from={day}&amp;to={day + timedelta(days=2)}"
    link = f"?environment=live&amp;{days}&amp;tab=Dashboard&amp;currency=USD"
    assert page_of("merchants.merchant", one.merchant_id) + link in text


def test_each_figure_stands_against_as_many_days_before(superuser: Client) -> None:
    day = days_of_nobody()
    scope = make_merchant().scope("live")
    summarise(
        scope, day - timedelta(days=3), succeeded=8, failed=2, gross=80_000, refunded_amount=8_000
    )
    # One day more is before those.
    summarise(scope, day - timedelta(days=4), succeeded=90, gross=900_000)
    summarise(scope, day, succeeded=9, failed=1, gross=100_000, refunded_amount=20_000)

    page = ask(superuser, day, day + timedelta(days=2))

    hints = {tile.label: str(tile.hint) for tile in page.context["tiles"]}
    before = f"{day - timedelta(days=3):%d %b} \N{EN DASH} {day - timedelta(days=1):%d %b %Y}"
    if (day - timedelta(days=3)).year == (day - timedelta(days=1)).year:
        assert f'title="{before}: $800.00"' in hints["Gross volume"]
    assert "▲ 25 %</span> from $800.00" in hints["Gross volume"]
    assert "as before" in hints["Payments"]
    assert 'class="c-up"' in hints["Success rate"]
    assert "▲ 10.0 points</span> from 80.0%" in hints["Success rate"]
    # A rise of what goes back is no good one.
    assert 'class="c-down"' in hints["Refund rate"]
    assert "▲ 10.0 points</span> from 10.0%" in hints["Refund rate"]
    assert "as before" in hints["Dispute rate"]


def test_without_anything_before_there_is_no_change(superuser: Client) -> None:
    day = days_of_nobody()
    summarise(make_merchant().scope("live"), day, failed=3)
    page = ask(superuser, day, day)
    assert tiles_of(page)["Success rate"] == "0.0%"
    assert tiles_of(page)["Refund rate"] == "—"
    assert {tile.label: tile.hint for tile in page.context["tiles"]} == {
        "Gross volume": "", "Net volume": "", "Payments": "none in the days before",
        "Success rate": "none in the days before", "Refund rate": "", "Dispute rate": "",
    }  # fmt: skip
    text = page.content.decode()
    assert "Nothing was captured in these days." in text
    assert "None of these payments was refunded." in text


def test_test_and_live_are_apart(superuser: Client) -> None:
    day, merchant = days_of_nobody(), make_merchant()
    summarise(merchant.scope("live"), day, succeeded=1, gross=1_000)
    summarise(merchant.scope("test"), day, succeeded=2, gross=70_000)
    live = ask(superuser, day, day)
    test = ask(superuser, day, day, environment="test")
    assert tiles_of(live)["Gross volume"] == "$10.00"
    assert tiles_of(test)["Gross volume"] == "$700.00"
    assert '<span class="c-env c-env-test">test</span>' in test.content.decode()
    assert '<span class="c-env c-env-test">' not in live.content.decode()


def test_the_currency_of_most_payments_is_shown_until_another_is_chosen(superuser: Client) -> None:
    day, scope = days_of_nobody(), make_merchant().scope("live")
    summarise(scope, day, currency="JPY", succeeded=3, gross=4_500)
    summarise(scope, day, currency="USD", succeeded=2, gross=900_000)
    summarise(scope, day, currency="KWD", succeeded=1, gross=12_345, fees=345)

    page = ask(superuser, day, day)

    assert tiles_of(page)["Gross volume"] == "¥4,500"
    rows = [[str(cell) for cell in row] for row in page.context["currencies_panel"].rows]
    assert [row[1] for row in rows] == ["3", "2", "1"]
    assert "KWD\N{NO-BREAK SPACE}12.345" in rows[2][3]
    assert "KWD\N{NO-BREAK SPACE}0.345" in rows[2][4]
    assert "KWD\N{NO-BREAK SPACE}12.000" in rows[2][5]
    link = f"?environment=live&amp;from={day}&amp;to={day}&amp;currency=KWD"
    assert link in rows[2][0]

    chosen = ask(superuser, day, day, currency="KWD")

    assert tiles_of(chosen)["Gross volume"] == "KWD\N{NO-BREAK SPACE}12.345"
    assert "Top merchants in KWD" in chosen.content.decode()
    assert "<option selected>KWD</option>" in chosen.content.decode()
    none = ask(superuser, day, day, currency="EUR").content.decode()
    assert "No payments in EUR" in none
    assert "Other currencies stand below." in none


def test_a_bad_range_is_told_and_the_usual_one_shown(superuser: Client) -> None:
    page = superuser.get(reverse("admin:dashboard"), {"from": "2026-05-02", "to": "2026-05-01"})
    text = page.content.decode()
    assert "The first day, 2026-05-02, is after the last, 2026-05-01." in text
    assert page.context["asked"].period.name == "30d"


def test_days_without_payments_have_a_friendly_page(superuser: Client) -> None:
    day = days_of_nobody()
    text = ask(superuser, day, day).content.decode()
    assert "No payments" in text
    assert "Look at test" in text
    assert ask_of(superuser, make_merchant()).count("No payments") == 1


def test_reasons_of_all_merchants_declines_are_those_still_kept(superuser: Client) -> None:
    code, today = f"test_{uuid4().hex[:8]}", datetime.now(UTC).date()
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for back, count in ((0, 900_000), (24, 99_000)):
        DeclineHour.objects.create(
            environment="live", hour=hour - timedelta(hours=back), code=code, failed_count=count
        )
    summarise(make_merchant().scope("live"), today, failed=3)
    title, words = "Declines in all currencies, by reason", code.replace("_", " ")

    week = ask(superuser, today - timedelta(days=6), today)
    assert (words, "999,000") in ranking_of(week, title)
    assert "reasons are kept" not in week.content.decode()
    assert (words, "900,000") in ranking_of(ask(superuser, today, today), title)
    month = ask(superuser, today - timedelta(days=29), today)
    assert (words, "999,000") in ranking_of(month, title)
    assert "only: reasons are kept for 15 days." in month.content.decode()
    DeclineHour.objects.filter(code=code).delete()

    long_ago = days_of_nobody()
    summarise(make_merchant().scope("live"), long_ago, failed=3)
    old = ask(superuser, long_ago, long_ago)
    assert ranking_of(old, title) == []
    assert "declines are kept for 15 days, since" in old.content.decode()


def test_the_dashboards_have_a_right_which_support_has_not(
    support: Client, staff_with: StaffWith, superuser: Client
) -> None:
    address, merchant = reverse("admin:dashboard"), make_merchant()
    assert RIGHT not in ROLES[SUPPORT]
    for refused in (support, staff_with("merchants.view_merchant")):
        assert refused.get(address).status_code == 403
        assert address not in refused.get("/admin/").content.decode()
        text = refused.get(
            page_of("merchants.merchant", merchant.id), {"tab": "Dashboard"}
        ).content.decode()
        assert "Settles in" in text
        assert "?tab=Dashboard" not in text
    viewer = staff_with(RIGHT)
    assert viewer.get(address).status_code == 200
    assert address in viewer.get("/admin/").content.decode()
    assert viewer.get(page_of("merchants.merchant", merchant.id)).status_code == 403
    assert Client().get(address).status_code == 302


def test_nothing_in_an_address_breaks_the_page(superuser: Client) -> None:
    merchant = make_merchant()
    for filters in (
        {"from": "\0", "to": "x" * 5_000},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"environment": "\0", "currency": "<b>", "grain": "'", "period": "\0"},
        {"currency": "ZZZ"},
    ):
        page = superuser.get(reverse("admin:dashboard"), filters)
        assert page.status_code == 200
        assert "<b>" not in page.content.decode()
        ask_of(superuser, merchant, **filters)


def test_a_dashboard_asks_few_questions(
    superuser: Client, staff_with: StaffWith, merchant: MadeMerchant, api: Api
) -> None:
    today = datetime.now(UTC).date()
    token_owner = api.post("/v1/customers", {"email": f"{uuid4()}@example.org"}).json()["id"]
    api.post(
        "/v1/transactions",
        {
            "amount": 1_000,
            "currency": "USD",
            "payment_method": api.card(customer=token_owner),
            "customer": token_owner,
        },
    )
    api.pay("4000000000000002", amount=100)
    for back in range(60):
        summarise(merchant.scope(), today - timedelta(days=back), succeeded=1, gross=1_000)
    everything = staff_with(
        RIGHT, "merchants.view_merchant", "merchants.view_customer", "transactions.view_transaction"
    )
    addresses = (
        reverse("admin:dashboard") + "?environment=test",
        page_of("merchants.merchant", merchant.id) + "?tab=Dashboard&environment=test",
    )
    for client in (superuser, everything):
        for address in addresses:
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            asked = [one["sql"] for one in captured]
            assert len(asked) <= QUERIES_MAX, "\n".join(asked)
            assert sum("daily_transaction_summaries" in one for one in asked) <= 2
