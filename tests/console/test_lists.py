"""Lists and searches: what finds a payment, what it costs, and what can't break it."""

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.console.test_pages import MODELS, list_of, page_of
from transactions.models import Transaction

PAYMENTS = list_of("transactions.transaction")
ODD = [
    "\0", "a\0@b", "%' OR 1=1 --\\", "\u202e💳\ufffd", "1" * 40, "older.~",
    "00000000-0000-0000-0000-000000000000", "<script>alert(1)</script>",
]  # fmt: skip
# Tables of an installation rather than of its business: they stay small.
SMALL = {
    "auth.group",
    "payments_project.eventcursor",
    "payments_project.monthlytable",
    "payments_project.statustransition",
}


def ids_in(page) -> set[str]:
    return {str(row.pk) for row in page.context["cl"].result_list}


def found_by(superuser, text: str) -> set[str]:
    page = superuser.get(PAYMENTS, {"q": text})
    assert page.status_code == 200
    return ids_in(page)


@pytest.mark.parametrize("label", sorted(MODELS))
def test_the_first_cell_of_a_row_leads_to_its_page(superuser, business, label):
    """A link within it would end the row's own: browsers nest none."""
    page = superuser.get(list_of(label)).content.decode()
    rows = page.partition('id="result_list"')[2].partition("<tbody")[2]
    found = re.search(
        r"<a [^>]*href=\"([^\"]+/change/[^\"]*)\"[^>]*>((?:(?!</a>).)*)</a>", rows, re.S
    )
    assert found, "no row leads anywhere"
    assert label.replace(".", "/") in found[1]
    assert "<a " not in found[2]


def test_a_payment_is_found_by_its_id_and_by_its_gateways(superuser, business):
    wanted = {business.paid["id"]}
    assert found_by(superuser, business.paid["id"]) == wanted
    assert found_by(superuser, f"  {business.paid['id'].upper()} ") == wanted
    assert found_by(superuser, business.paid["gateway"]["transaction_id"]) == wanted


def test_payments_are_found_by_the_customers_email_and_id(superuser, business):
    wanted = {business.paid["id"]}
    assert found_by(superuser, business.email) == wanted
    assert found_by(superuser, business.customer) == wanted
    assert found_by(superuser, "nobody@example.org") == set()


def test_payments_are_found_by_last_four_digits(superuser, business):
    page = superuser.get(PAYMENTS, {"q": "9995"})
    assert business.declined["id"] in ids_in(page)
    assert {row.last_four for row in page.context["cl"].result_list} == {"9995"}
    assert found_by(superuser, "···· 9995") == ids_in(page)


def test_payments_are_found_by_token(superuser, business):
    assert business.paid["id"] in found_by(superuser, business.paid["payment_method"])


def test_a_pasted_card_number_is_neither_looked_up_nor_shown_again(superuser, business):
    query = {"q": "4242 4242 4242 4242", "environment": "live"}
    sent = superuser.get(PAYMENTS, query)
    assert sent.status_code == 302
    assert sent.headers["Location"] == f"{PAYMENTS}?environment=live"
    text = superuser.get(sent.headers["Location"]).content.decode()
    assert "That is a card number" in text
    assert "4242 4242" not in text


def test_a_pasted_api_key_leaves_only_its_prefix_in_the_address(superuser, merchant):
    secret = merchant.keys["test"]
    keys = list_of("merchants.apikey")
    for text in (secret, f" {secret}x-y "):
        sent = superuser.get(keys, {"q": text})
        assert (sent.status_code, sent.headers["Location"]) == (302, f"{keys}?q={secret[:16]}")
    page = superuser.get(f"{keys}?q={secret[:16]}")
    assert page.status_code == 200
    assert secret[:16] in page.content.decode()


def test_the_search_of_all_pages_says_what_it_does_with_digits_and_nonsense(superuser, staff_with):
    def search(client, text: str) -> str:
        return client.get("/admin/search/", {"s": text, "extended": "1"}).content.decode()

    offer = f"{PAYMENTS}?q=0505"
    assert offer in search(superuser, "0505")
    assert offer not in search(staff_with("disputes.view_refund"), "0505")
    assert "That is a card number" in search(superuser, "4242424242424242")
    assert "Nothing found" in search(superuser, "qwertzuiop")


def test_the_search_of_all_pages_finds_what_the_user_may_see(superuser, staff_with, business):
    def search(client, text: str) -> str:
        answer = client.get("/admin/search/", {"s": text, "extended": "1"})
        assert answer.status_code == 200
        return answer.content.decode()

    payment = page_of("transactions.transaction", business.paid["id"])
    customer = page_of("merchants.customer", business.customer)
    assert payment in search(superuser, business.paid["id"])
    found = search(superuser, business.email)
    assert payment in found
    assert customer in found
    assert customer not in search(staff_with("transactions.view_transaction"), business.email)
    assert list_of("disputes.refund") in search(superuser, "refund")
    assert "4242424242424242" not in search(superuser, "4242424242424242")


@pytest.mark.parametrize("label", sorted(MODELS))
def test_odd_characters_break_no_list(superuser, business, label):
    model_admin = admin.site._registry[MODELS[label]]
    names = [name for spec in model_admin.list_filter for name in getattr(spec, "parameters", ())]
    names += [*model_admin.ordered_scopes, *model_admin.small_scopes, "p", "q", "o", "e", "pk"]
    for text in ODD:
        for name in names:
            page = superuser.get(list_of(label), {name: text})
            assert page.status_code in (200, 302), (name, text)


def test_odd_characters_break_no_search_page_or_address(superuser):
    for text in ODD:
        for name in ("s", "environment"):
            assert superuser.get("/admin/search/", {name: text}).status_code == 200
            assert superuser.get("/admin/", {name: text}).status_code == 200
        assert superuser.get(page_of("merchants.merchant", text)).status_code == 404


def test_a_search_that_reads_html_shows_it_as_text(superuser):
    page = superuser.get(PAYMENTS, {"q": "<script>alert(1)</script>"})
    assert "<script>alert(1)" not in page.content.decode()


def test_filters_narrow_a_list(superuser, business):
    page = superuser.get(PAYMENTS, {"merchant": str(business.merchant.id), "status": "failed"})
    rows = page.context["cl"].result_list
    assert business.declined["id"] in ids_in(page)
    assert {(row.status, row.merchant_id) for row in rows} == {("failed", business.merchant.id)}
    amounts = superuser.get(
        PAYMENTS,
        {"merchant": str(business.merchant.id), "amount_from": "42.00", "amount_to": "42"},
    )
    assert {row.amount for row in amounts.context["cl"].result_list} == {4200}


@pytest.mark.parametrize("text", ["$50", "abc", "50,5", "1,0000", "1e3", "NaN", "9" * 13, "٥"])
def test_an_amount_that_is_none_finds_nothing_and_says_so(superuser, business, text):
    for name in ("amount_from", "amount_to"):
        page = superuser.get(PAYMENTS, {"merchant": str(business.merchant.id), name: text})
        assert not ids_in(page)
        assert "(not understood)" in page.content.decode()


@pytest.mark.parametrize("text", ["0.5", "42", "1,000", "-1.", "1,234,567.89"])
def test_an_amount_as_people_write_it_is_understood(superuser, business, text):
    page = superuser.get(PAYMENTS, {"merchant": str(business.merchant.id), "amount_from": text})
    assert "(not understood)" not in page.content.decode()


@pytest.mark.parametrize("day", ["2026-13-45", "yesterday", "9999-12-31"])
def test_a_day_that_is_none_finds_nothing_and_says_so(superuser, business, day):
    days = list_of("transactions.merchantpendingday")
    for address, field in ((PAYMENTS, "created"), (days, "available_on")):
        for end in ("from", "to"):
            page = superuser.get(address, {f"{field}_{end}": day})
            assert not ids_in(page)
            assert "(not understood)" in page.content.decode()


def test_pages_walk_through_every_payment_once(superuser, business):
    scope = {"merchant": str(business.merchant.id)}
    expected = list(
        Transaction.objects.filter(merchant_id=business.merchant.id)
        .order_by("-id")
        .values_list("pk", flat=True)
    )
    assert len(expected) > 100
    page, seen, backwards = superuser.get(PAYMENTS, scope), [], []
    while True:
        changelist = page.context["cl"]
        seen += [row.pk for row in changelist.result_list]
        if not changelist.older_url():
            break
        page = superuser.get(PAYMENTS + changelist.older_url())
    assert seen == expected
    while changelist.newer_url():
        page = superuser.get(PAYMENTS + changelist.newer_url())
        changelist = page.context["cl"]
        backwards = [row.pk for row in changelist.result_list] + backwards
    assert backwards[:50] == expected[:50]


def statements(superuser, address: str, **query: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert superuser.get(address, query).status_code == 200
    return [one["sql"] for one in captured]


@pytest.mark.parametrize("label", sorted(set(MODELS) - SMALL))
def test_a_list_counts_nothing_and_reads_no_table_without_a_limit(superuser, business, label):
    table = f'FROM "{MODELS[label]._meta.db_table}"'
    queries = [{}, {"q": "4242"}, {"q": business.paid["id"]}]
    if "environment" in {field.name for field in MODELS[label]._meta.fields}:
        queries.append({"environment": "live"})
    for query in queries:
        for statement in statements(superuser, list_of(label), **query):
            assert "COUNT(" not in statement.upper()
            # A look-up by key has its limit in the key.
            by_key = re.search(r'WHERE "\w+"\."\w+" (=|IN) ', statement)
            if table in statement and not by_key:
                assert "LIMIT" in statement, statement


@pytest.mark.parametrize(
    "label",
    [
        "transactions.transaction",
        "transactions.ledgerentry",
        "transactions.gatewayoperation",
        "disputes.refund",
        "disputes.dispute",
        "payments_project.event",
        "merchants.customer",
        "merchants.apikey",
        "vault.paymentmethod",
    ],
)
def test_a_list_asks_as_many_questions_for_many_rows_as_for_one(
    superuser, business, label, monkeypatch, api
):
    # A row of each kind with all that has a name, on the first page whatever came before.
    customer = api.post("/v1/customers", {"email": "ada@example.com"}).json()["id"]
    token = api.card(customer=customer)
    paying = {"amount": 1000, "currency": "USD", "payment_method": token, "customer": customer}
    assert api.post("/v1/transactions", paying).status_code == 201
    model_admin = admin.site._registry[MODELS[label]]
    counts = {}
    for rows in (10, 50):
        monkeypatch.setattr(type(model_admin), "list_per_page", rows)
        statements(superuser, list_of(label))
        counts[rows] = len(statements(superuser, list_of(label)))
    assert counts[50] <= counts[10]


def test_a_filter_without_an_index_reads_so_many_rows_and_says_so(superuser, business, monkeypatch):
    model_admin = admin.site._registry[Transaction]
    monkeypatch.setattr(type(model_admin), "scan_rows_max", 5)
    page = superuser.get(PAYMENTS, {"currency": "XAF"})
    text = page.content.decode()
    assert "None of the 5 looked at fits" in text
    assert "Look further back" in text
    further = superuser.get(PAYMENTS + page.context["cl"].older_url())
    assert further.status_code == 200
    assert further.context["cl"].page.looked_back_to < page.context["cl"].page.looked_back_to
