"""The vault in the console."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import SecretStr

from payments_project.actor import SYSTEM
from payments_project.console.display import object_url
from payments_project.staff.models import StaffUser
from tests.console.signing_in import signed_in
from vault.cards import parse_card
from vault.models import PaymentMethod
from vault.services.tokenise import tokenise_card

LIST = "/admin/vault/paymentmethod/"
NUMBER = "4000056655665556"


@pytest.fixture
def staff() -> Client:
    """A superuser's browser."""
    user = StaffUser.objects.create_superuser(username=uuid4().hex, password=uuid4().hex)
    return signed_in(StaffUser.objects.get(username=user.username))


@pytest.fixture
def stored(scope, customer_id) -> PaymentMethod:
    """A customer's card."""
    card = parse_card(
        number=SecretStr(NUMBER), exp_month=2, exp_year=2040, holder_name="Ada Lovelace"
    )
    return tokenise_card(scope=scope, actor=SYSTEM, card=card, customer_id=customer_id)


def test_each_kind_of_search_finds_the_payment_method(staff, stored):
    for term in (stored.token, "5556", stored.fingerprint, str(stored.customer_id)):
        page = staff.get(LIST, {"q": f" {term} "})
        assert page.status_code == 200
        assert stored.token in page.content.decode()


def test_a_pasted_card_number_is_not_looked_up(staff, stored):
    page = staff.get(LIST, {"q": NUMBER}, follow=True)
    assert page.redirect_chain == [(f"{LIST}?", 302)]
    assert NUMBER not in page.content.decode()


@pytest.mark.parametrize("term", ["Ada", "pm_x", "555", "' OR 1=1", "visa"])
def test_any_other_search_finds_nothing(staff, stored, term):
    page = staff.get(LIST, {"q": term})
    assert page.status_code == 200
    assert stored.token not in page.content.decode()


def test_lists_neither_count_nor_read_card_data(staff, stored):
    with CaptureQueriesContext(connection) as captured:
        page = staff.get(LIST)
    assert page.status_code == 200
    assert stored.token in page.content.decode()
    table = 'FROM "payment_methods_vault"'
    on_vault = [query["sql"] for query in captured if table in query["sql"]]
    assert len(on_vault) == 1
    assert "COUNT(" not in on_vault[0]
    assert "encrypted_data" not in on_vault[0]
    assert "LIMIT" in on_vault[0]


@pytest.mark.parametrize("digits", ["26", "40", "00"])
def test_every_link_to_a_card_opens_whatever_its_token_begins_with(
    staff, scope, customer_id, monkeypatch, digits
):
    """Django's admin reads ``_26`` in an address as ``&``; every 43rd token begins like that."""
    token = f"pm_{digits}{uuid4().hex[2:]}"
    monkeypatch.setattr("vault.insertion.new_token", lambda: token)
    card = parse_card(number=SecretStr(NUMBER), exp_month=2, exp_year=2040)
    tokenise_card(scope=scope, actor=SYSTEM, card=card, customer_id=customer_id)

    for page in (
        staff.get(LIST, {"q": token}),
        staff.get("/admin/search/", {"s": token, "extended": "1"}),
        staff.get(f"/admin/merchants/customer/{customer_id}/change/"),
    ):
        links = set(re.findall(rf'href="({LIST}[^"?]+/change/)', page.content.decode()))
        assert links, page.request["PATH_INFO"]
        for link in links:
            assert token in staff.get(link).content.decode(), link


def test_the_page_of_one_shows_the_summary_and_changes_nothing(staff, stored):
    path = object_url("vault.PaymentMethod", stored.token)
    page = staff.get(path)
    assert page.status_code == 200
    text = page.content.decode()
    assert stored.fingerprint in text
    for secret in (NUMBER, "Ada Lovelace", "encrypted_data", stored.encrypted_data.hex()):
        assert secret not in text
    assert staff.post(path, {"is_active": ""}).status_code == 403
    assert staff.post(path.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    assert staff.get(f"{LIST}add/").status_code == 403
