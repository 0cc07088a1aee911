"""Finding payments in the console: whose, which, by whom, and what can't break the page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.admin.find_payments import page as find_page
from analytics.search.content import read_chunks
from analytics.search.query import Place
from analytics.search.transaction_words import write_words
from merchants.models import Merchant
from payments_project.errors import Unavailable
from tests.api_client import Api
from tests.console.conftest import Business
from tests.console.test_pages import list_of, page_of
from tests.merchants.making import MadeMerchant, make_merchant
from transactions.models import Transaction

AMEX = "378282246310005"
DECLINED = "4000000000000002"
QUERIES_MAX = 15
RIGHT = "transactions.view_transaction"
StaffWith = Callable[..., Client]


@pytest.fixture(autouse=True)
def _by_postgresql(settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = settings.ELASTICSEARCH_URL = ""


def address() -> str:
    return reverse("admin:find_payments")


def find(client: Client, merchant: MadeMerchant, **asked: Any) -> Any:
    """The page of the merchant's test payments."""
    given = {"merchant": str(merchant.id), "environment": "test", **asked}
    page = client.get(address(), given)
    assert page.status_code == 200
    return page


def found(page: Any) -> list[str]:
    return [
        row[0].partition("/transaction/")[2].partition("/")[0] for row in page.context["panel"].rows
    ]


def errors(page: Any) -> dict[str, list[str]]:
    return {name: list(words) for name, words in page.context["asked"].form.errors.items()}


def know_words(*payments: dict[str, Any]) -> None:
    write_words(read_chunks([payment["id"] for payment in payments]))


def facet(page: Any, title: str) -> dict[str, str]:
    (one,) = (one for one in page.context["facets"] if one.title == title)
    return {str(value.words): value.count for value in one.values}


def test_the_usual_question_is_answered(
    superuser: Client, merchant: MadeMerchant, api: Api
) -> None:
    wanted = api.paid(amount=4990, currency="EUR", description="Two mugs")
    know_words(
        wanted,
        api.paid(amount=4990, currency="USD"),
        api.paid(amount=4991, currency="EUR"),
        api.paid(AMEX, amount=4990, currency="EUR"),
    )
    today = str(datetime.now(UTC).date())
    day = {"created_from": today, "created_to": today}

    for asked in (
        {"last_four": "4242", "amount": "49.90", "currency": "EUR", **day},
        {"last_four": "···· 4242", "amount": "49.90 eur", **day},
        {"last_four": "4242", "amount": "49.9 EUR", "days": f"{today}..{today}"},
    ):
        page = find(superuser, merchant, **asked)
        assert found(page) == [wanted["id"]]
        assert page.context["panel"].title == "1 payment"
        row = [str(cell) for cell in page.context["panel"].rows[0]]
        assert page_of("transactions.transaction", wanted["id"]) in row[0]
        assert "€49.90" in row[1]
        assert "succeeded" in row[2]
        assert "4242" in row[3]
        assert "Two mugs" in row[4]
        assert wanted["gateway"]["transaction_id"] in row[4]
    assert find(superuser, merchant).context["answered_by"] == "PostgreSQL, as of now"
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    assert found(find(superuser, merchant, created_from=yesterday, created_to=yesterday)) == []


def test_words_are_found_and_told_to_be_nearly_so(
    superuser: Client, merchant: MadeMerchant, api: Api
) -> None:
    mug = api.paid(description="Heron mug", metadata={"order": "ORD-7001"})
    know_words(mug, api.paid(description="Spoon"))
    assert found(find(superuser, merchant, q="ord-7001 heron")) == [mug["id"]]
    near = find(superuser, merchant, q="hreon")
    assert found(near) == [mug["id"]]
    assert "a letter or two apart" in near.content.decode()
    none = find(superuser, merchant, q="teapot").content.decode()
    assert "No payment of this merchant is like that." in none


def test_amounts_are_those_of_their_currency(
    superuser: Client, merchant: MadeMerchant, api: Api
) -> None:
    yen = api.paid(amount=4990, currency="JPY")
    dinar = api.paid(amount=4990, currency="KWD")
    dollars = [api.paid(amount=amount, currency="USD") for amount in (1000, 2500, 4000)]
    assert found(find(superuser, merchant, amount="4,990 JPY")) == [yen["id"]]
    assert found(find(superuser, merchant, amount="4.99", currency="KWD")) == [dinar["id"]]
    ranged = find(superuser, merchant, amount_from="10", amount_to="25.00", currency="USD")
    assert found(ranged) == [dollars[1]["id"], dollars[0]["id"]]
    largest = find(superuser, merchant, amount_from="20", currency="USD", sort="-amount")
    assert found(largest) == [dollars[2]["id"], dollars[1]["id"]]
    assert found(find(superuser, merchant, amount_from="0", amount_to="10 USD")) == [
        dollars[0]["id"]
    ]


def test_facets_count_and_narrow(superuser: Client, merchant: MadeMerchant, api: Api) -> None:
    for amount in (150, 199, 700):
        api.paid(amount=amount)
    api.paid(AMEX, amount=5000, currency="EUR")
    api.pay(DECLINED, amount=99)

    page = find(superuser, merchant)

    assert page.context["panel"].title == "5 payments"
    assert facet(page, "Currency") == {"USD": "4", "EUR": "1"}
    assert facet(page, "Brand") == {"Visa": "4", "Amex": "1"}
    assert facet(page, "Gateway") == {"simulator": "5"}
    assert list(facet(page, "Status").values()) == ["4", "1"]
    assert "Choose a currency" in page.content.decode()
    (currencies,) = (one for one in page.context["facets"] if one.title == "Currency")
    narrowed = superuser.get(address() + currencies.values[0].url)
    assert narrowed.context["panel"].title == "4 payments"
    chart = narrowed.context["amounts"]["chart"]
    assert [(bar.label, bar.values) for bar in chart.bars] == [
        ("$0", (1,)), ("$1", (2,)), ("$2", (0,)), ("$5", (1,))
    ]  # fmt: skip
    assert chart.bars[1].title == "$1.00 to $1.99: 2 payments"
    step = superuser.get(address() + chart.bars[1].url)
    assert step.context["panel"].title == "2 payments"
    chips = {chip["title"]: chip for chip in step.context["chips"]}
    assert chips["amount"]["words"] == "1.00 to 1.99"
    without = superuser.get(address() + chips["amount"]["url"])
    assert without.context["panel"].title == "4 payments"
    chosen = next(one for one in without.context["facets"] if one.title == "Currency").values[0]
    assert chosen.is_chosen
    assert superuser.get(address() + chosen.url).context["panel"].title == "5 payments"


def test_another_merchants_and_the_other_environments_payments_are_never_shown(
    superuser: Client, merchant: MadeMerchant, api: Api, live_api: Api, other_api: Api
) -> None:
    mine = api.paid(description="mug")
    live = live_api.paid(description="mug")
    theirs = other_api.paid(description="mug")
    know_words(mine, live, theirs)
    for asked in ({}, {"q": "mug"}, {"last_four": "4242"}):
        assert found(find(superuser, merchant, **asked)) == [mine["id"]]
        assert found(find(superuser, merchant, environment="live", **asked)) == [live["id"]]
    assert found(find(superuser, merchant, q=theirs["id"])) == []
    # Live unless test is asked for, and test stands out.
    text = superuser.get(address(), {"merchant": str(merchant.id)}).content.decode()
    assert live["id"] in text
    assert '<span class="c-env c-env-test">' not in text
    assert '<span class="c-env c-env-test">' in find(superuser, merchant).content.decode()


def test_an_engine_that_names_others_payments_shows_none(
    superuser: Client, merchant: MadeMerchant, api: Api, other_api: Api, monkeypatch: Any
) -> None:
    theirs = Transaction.objects.get(pk=other_api.paid()["id"])
    real = find_page.search_payments

    def strays(scope: Any, query: Any, **more: Any) -> Any:
        answer = real(scope, query, **more)
        return replace(answer, places=[Place(theirs.pk, theirs.amount)])

    monkeypatch.setattr(find_page, "search_payments", strays)
    assert theirs.pk.hex not in find(superuser, merchant).content.decode().replace("-", "")


def test_pages_go_through_all_once(
    superuser: Client, merchant: MadeMerchant, api: Api, monkeypatch: Any
) -> None:
    monkeypatch.setattr("analytics.admin.find_payments.form.ROWS", 2)
    payments = [api.paid(amount=amount) for amount in (300, 100, 200, 500, 400)]
    know_words(*payments)
    made = [payment["id"] for payment in payments]
    page = find(superuser, merchant, sort="amount")
    seen = found(page)
    while page.context["next_url"]:
        page = superuser.get(address() + page.context["next_url"])
        seen += found(page)
    assert seen == [made[1], made[2], made[0], made[4], made[3]]
    assert found(superuser.get(address() + page.context["first_url"])) == seen[:2]
    token = find(superuser, merchant).context["next_url"].partition("page=")[2]
    other = find(superuser, merchant, last_four="4242", page=token)
    assert "That page is of another search" in other.content.decode()
    assert found(other) == made[:2:-1]


def test_the_merchant_is_found_by_name_email_or_id(
    superuser: Client, merchant: MadeMerchant
) -> None:
    name = f"Quince {uuid4().hex}"
    rows = Merchant.objects.filter(pk=merchant.id)
    rows.update(business_name=name)
    other = make_merchant()
    Merchant.objects.filter(pk=other.id).update(business_name=f"{name} & Sons")
    email = rows.get().email

    for typed in (str(merchant.id), email, name.upper() + " &"):
        page = superuser.get(address(), {"merchant": typed})
        assert page.context["chosen"].merchant is not None, typed
    both = superuser.get(address(), {"merchant": name[:20], "last_four": "4242"})
    assert [found.pk for found, _ in both.context["offered"]] == [other.id, merchant.id]
    assert "last_four=4242" in both.context["offered"][0][1]
    assert "Which of these?" in both.content.decode()
    for typed, words in (
        (str(uuid4()), "No merchant has this id."),
        (uuid4().hex + " Inc", "No merchant is called so."),
        ("nobody@example.org", "No merchant is called so."),
    ):
        text = superuser.get(address(), {"merchant": typed}).content.decode()
        assert words in text
    text = superuser.get(address()).content.decode()
    assert "A search is always of one merchant" in text
    assert "The newest merchants" in text
    assert list_of("transactions.transaction") in text


def test_a_merchants_page_leads_here(superuser: Client, staff_with: StaffWith) -> None:
    merchant = make_merchant()
    link = f"{address()}?merchant={merchant.id}"
    page = page_of("merchants.merchant", merchant.id)
    assert link in superuser.get(page).content.decode()
    assert link not in staff_with("merchants.view_merchant").get(page).content.decode()
    assert superuser.get(link).context["chosen"].merchant.pk == merchant.id


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"last_four": "42"}, "last_four", "last four digits"),
        ({"last_four": "٤٢٤٢"}, "last_four", "last four digits"),
        ({"amount": "49,90 EUR"}, "amount", "That is no amount"),
        ({"amount": "-1 EUR"}, "amount", "That is no amount"),
        ({"amount": "1e3 EUR"}, "amount", "That is no amount"),
        ({"amount": "49.90"}, "amount", "Choose its currency"),
        ({"amount": "49.901 EUR"}, "amount", "EUR has at most 2 decimals."),
        ({"amount": "49.9 JPY"}, "amount", "JPY has no decimals."),
        ({"amount": "49.90 EUR", "currency": "USD"}, "amount", "The currency chosen is USD."),
        ({"amount": "49.90 QQQ"}, "amount", "QQQ is no currency."),
        ({"amount": "1 EUR", "amount_to": "2"}, "amount", "not both"),
        ({"amount_from": "3 EUR", "amount_to": "2"}, "amount_to", "the larger"),
        ({"amount_to": "9" * 30}, "amount_to", ""),
        ({"amount_to": "9" * 31}, "amount_to", "at most 30"),
        ({"currency": "ZZZ"}, "currency", "No such currency."),
        ({"created_from": "2026-02-30"}, "created_from", "That is no day"),
        ({"created_to": "9999-12-31"}, "created_to", "That is no day"),
        ({"created_from": "2026-02-02", "created_to": "2026-02-01"}, "created_to", "the later"),
        ({"status": "done"}, "status", "No such status."),
        ({"sort": "relevance"}, "sort", "No such order."),
        ({"q": "x" * 201}, "q", "at most 200"),
        ({"q": " ".join(f"w{n}" for n in range(21))}, "q", "20 words at most"),
        ({"q": "a\0b"}, "q", "Null characters"),
        ({"brand": "\0"}, "brand", "Null characters"),
        ({"gateway": "x" * 51}, "gateway", "at most 50"),
    ],
)
def test_bad_input_is_told_at_its_field(
    superuser: Client, merchant: MadeMerchant, asked: dict[str, str], field: str, words: str
) -> None:
    page = find(superuser, merchant, **asked)
    assert words in " ".join(errors(page)[field])
    assert "panel" not in page.context
    text = page.content.decode()
    assert "Nothing was searched" in text
    assert f'id="find_{field}"' in text


def test_nothing_in_an_address_breaks_the_page(superuser: Client, merchant: MadeMerchant) -> None:
    for odd in ("\0", "%' OR 1=1 --\\", "\u202e💳\ufffd", "<script>alert(1)</script>", "1" * 12):
        for name in (
            "merchant", "environment", "q", "last_four", "amount", "currency", "created_from",
            "days", "status", "brand", "gateway", "sort", "page",
        ):  # fmt: skip
            page = superuser.get(address(), {"merchant": str(merchant.id), name: odd})
            assert page.status_code in (200, 302), (name, odd)
            assert "<script>alert(1)" not in page.content.decode()
    assert found(find(superuser, merchant, created_from="0001-01-01", brand="nobody")) == []


def test_card_numbers_and_keys_leave_the_address(superuser: Client, merchant: MadeMerchant) -> None:
    whose = f"merchant={merchant.id}&environment=test"
    for name, text, kept in (
        ("q", "4242 4242 4242 4242", "&last_four=4242"),
        ("last_four", "378282246310005", "&last_four=0005"),
        ("q", "mug 4242424242424242", ""),
        ("merchant", "4242424242424242", "last_four=4242"),
        ("q", merchant.keys["test"], f"&q={merchant.keys['test'][:16]}"),
    ):
        asked = {"merchant": str(merchant.id), "environment": "test"} | {name: text}
        sent = superuser.get(address(), asked)
        assert sent.status_code == 302
        left = f"{whose}{kept}" if name != "merchant" else f"environment=test&{kept}"
        assert sent.headers["Location"] == f"{address()}?{left}"
        text = superuser.get(sent.headers["Location"]).content.decode()
        assert "of a card&#x27;s number only the last four digits" in text


def test_a_search_that_takes_too_long_says_so(
    superuser: Client, merchant: MadeMerchant, monkeypatch: Any
) -> None:
    def takes_long(*given: Any, **more: Any) -> Any:
        raise Unavailable("no", code="search_unavailable", retry_after=10)

    monkeypatch.setattr(find_page, "search_payments", takes_long)
    assert "takes too long to search through" in find(superuser, merchant).content.decode()


def test_rights_decide_who_finds_and_what_is_seen(
    staff_with: StaffWith, business: Business
) -> None:
    assert staff_with("merchants.view_merchant").get(address()).status_code == 403
    assert Client().get(address()).status_code == 302
    of_business = {"merchant": str(business.merchant.id), "amount": "42 USD"}
    viewer = staff_with(RIGHT)
    page = viewer.get(address(), of_business)
    assert business.paid["id"] in page.content.decode()
    assert business.email not in page.content.decode()
    assert page_of("merchants.merchant", business.merchant.id) not in page.content.decode()
    # Whoever may not see merchants finds none by name.
    for typed in ("", "a", "nobody@example.org"):
        page = viewer.get(address(), {"merchant": typed})
        assert list(page.context["offered"]) == []
        assert ("Give the merchant&#x27;s id." in page.content.decode()) == bool(typed)
    both = staff_with(RIGHT, "merchants.view_customer")
    text = both.get(address(), of_business).content.decode()
    assert business.email in text
    assert page_of("merchants.customer", business.customer) in text
    assert "Ada Byron" not in text
    assert address() in viewer.get("/admin/").content.decode()
    assert address() not in staff_with("disputes.view_refund").get("/admin/").content.decode()


def test_the_page_asks_few_questions(superuser: Client, business: Business) -> None:
    of_business = {"merchant": str(business.merchant.id)}
    for asked in ({}, of_business, {**of_business, "q": "mug", "status": "succeeded"}):
        superuser.get(address(), asked)
        with CaptureQueriesContext(connection) as captured:
            assert superuser.get(address(), asked).status_code == 200
        statements = [one["sql"] for one in captured]
        assert len(statements) <= QUERIES_MAX, "\n".join(statements)
