"""Running merchants: onboarding, approval, suspension, terms as forms, keys on their tab."""

import re
from uuid import uuid4

import pytest

from merchants.fees import FeeStructure
from merchants.models import Merchant, MerchantCheck
from merchants.onboarding import ticked_items
from merchants.terms import get_terms, make_terms
from payments_project.events.models import Event
from payments_project.staff.models import AuditEntry
from tests.console.acting import REASON, act, audit_of, do, token_of
from tests.console.test_pages import list_of, page_of

MERCHANT = "merchants.merchant"
ADD = "/admin/merchants/merchant/act/new/"


def opened(client, **changes) -> Merchant:
    """A merchant that was just opened from the console."""
    values = {
        "business_name": "Bicycles & Sons", "email": f"{uuid4()}@example.com",
        "settlement_currency": "EUR", "reason": REASON, "form_token": token_of(client, ADD),
        **changes,
    }  # fmt: skip
    answer = client.post(ADD, values, follow=True)
    assert answer.status_code == 200
    assert "The account is opened" in answer.content.decode(), answer.content.decode()
    return Merchant.objects.get(email=values["email"])


DETAILS = {
    "business_name": "Bicycles & Sons", "legal_name": "Bicycles and Sons GmbH",
    "business_type": "limited company", "tax_id": "DE123456788", "email": "sons@example.com",
    "website": "https://example.com", "line1": "Spoke Lane 1", "city": "Bremen", "country": "de",
}  # fmt: skip
FEES = {
    "rates-0-percent": "2.9",
    "rates-1-currency": "EUR", "rates-1-percent": "1.9", "rates-1-fixed": "0.25",
    "rates-2-brand": "amex", "rates-2-percent": "3.5",
    "dispute-0-currency": "EUR", "dispute-0-fixed": "15",
}  # fmt: skip


def tick_all(client, merchant) -> None:
    for item in ticked_items():
        do(client, MERCHANT, merchant.pk, "tick", item=item.name, reason=f"{item.name} was seen")


def test_a_merchant_is_opened_checked_and_approved(superuser):
    merchant = opened(superuser)
    assert (merchant.status, merchant.settlement_currency) == ("pending", "EUR")
    assert "Merchants to approve, oldest first" in superuser.get("/admin/").content.decode()
    waiting = superuser.get(list_of(MERCHANT), {"status": "pending"}).content.decode()
    assert page_of(MERCHANT, merchant.pk) in waiting
    refused = do(superuser, MERCHANT, merchant.pk, "approve")
    assert "Not done yet: Legal name, business type and tax id, Postal address, Fees" in refused

    details = DETAILS | {"email": merchant.email}
    assert "Changed:" in do(superuser, MERCHANT, merchant.pk, "details", **details)
    assert "Changed: fee structure." in do(superuser, MERCHANT, merchant.pk, "fees", **FEES)
    tick_all(superuser, merchant)
    page = superuser.get(page_of(MERCHANT, merchant.pk)).content.decode()
    assert re.search(r"(\d+) of \1 done", page)
    assert "is active" in do(superuser, MERCHANT, merchant.pk, "approve")

    merchant.refresh_from_db()
    assert (merchant.status, merchant.verification_status) == ("active", "verified")
    assert merchant.address == {"line1": "Spoke Lane 1", "city": "Bremen", "country": "DE"}
    assert merchant.tax_id == "DE123456788"
    actions = [entry.action for entry in audit_of(merchant.pk)]
    assert actions == [
        "merchant.created", "merchant.changed", "merchant.changed",
        *["merchant.item_ticked"] * len(ticked_items()), "merchant.status_changed",
    ]  # fmt: skip
    history = superuser.get(page_of(MERCHANT, merchant.pk), {"tab": "History"}).content.decode()
    assert "merchant.item_ticked" in history
    assert "DE123456788" not in history + page
    assert "DE123456788" not in str([vars(entry) for entry in audit_of(merchant.pk)])


def test_an_item_can_be_checked_again(superuser):
    merchant = opened(superuser)
    do(superuser, MERCHANT, merchant.pk, "tick", item="identity")
    # Nobody ticks what is ticked, or what nobody ticks.
    for item in ("identity", "details", "nothing"):
        assert 'class="c-error"' in do(superuser, MERCHANT, merchant.pk, "tick", item=item)

    do(superuser, MERCHANT, merchant.pk, "untick", item="identity")

    assert not MerchantCheck.objects.filter(merchant=merchant).exists()
    assert [entry.action for entry in audit_of(merchant.pk)][-1] == "merchant.item_unticked"
    assert "does not allow that" in do(superuser, MERCHANT, merchant.pk, "untick")


def test_fees_are_a_table_and_hold_for_the_next_payment(superuser, merchant):
    assert "Changed" in do(superuser, MERCHANT, merchant.id, "fees", **FEES)

    stored = Merchant.objects.get(pk=merchant.id)
    fees = FeeStructure.model_validate(stored.fee_structure)
    terms = make_terms(
        fee_structure=stored.fee_structure, settlement_delay_days=2, processing_config=None
    )
    assert [
        terms.fee_for(amount=10_000, currency=currency, brand=brand)
        for currency, brand in (("USD", "visa"), ("EUR", "visa"), ("EUR", "amex"))
    ] == [290, 215, 350]
    assert fees.dispute == {"EUR": 1500}
    form = superuser.get(act(MERCHANT, merchant.id, "fees")).content.decode()
    for name, value in FEES.items():
        assert re.search(rf'name="{name}"', form)
        if name.endswith("fixed"):
            assert f'value="{float(value):.2f}"' in form
    event = Event.objects.filter(aggregateid=str(merchant.id), type="merchant.updated").latest("pk")
    assert (event.actor_kind, event.actor_id) == ("staff", superuser.user.pk)


@pytest.mark.parametrize(
    "changes",
    [
        {"rates-0-percent": "101"}, {"rates-0-percent": "-1"}, {"rates-0-percent": "1.999"},
        {"rates-0-fixed": "1"}, {"rates-1-fixed": "0.001"}, {"rates-1-currency": "XXX"},
        {"rates-1-fixed": "1e40"}, {"rates-1-fixed": "NaN"}, {"rates-2-brand": "goldcard"},
        {"rates-3-currency": "EUR", "rates-3-percent": "1"}, {"rates-3-brand": "visa"},
        {"dispute-1-currency": "EUR", "dispute-1-fixed": "1"}, {"dispute-1-currency": "USD"},
        {"dispute-1-fixed": "5"}, {"dispute-0-fixed": "-5"}, {"reason": ""},
        {"rates-0-percent": "a\0b"},
    ],
)  # fmt: skip
def test_fees_with_a_fault_are_not_taken(superuser, merchant, changes):
    before = Merchant.objects.get(pk=merchant.id).fee_structure

    text = do(superuser, MERCHANT, merchant.id, "fees", **(FEES | changes))

    assert 'class="c-error"' in text
    assert Merchant.objects.get(pk=merchant.id).fee_structure == before
    assert audit_of(merchant.id) == []


def test_limits_and_settlement_are_changed_in_major_units(superuser, merchant):
    values = {
        "settlement_currency": "USD", "settlement_delay_days": "5", "daily_limit": "2500",
        "monthly_limit": "50000.50",
    }  # fmt: skip
    do(superuser, MERCHANT, merchant.id, "settlement", **values)

    stored = Merchant.objects.get(pk=merchant.id)
    assert (stored.settlement_delay_days, stored.daily_limit, stored.monthly_limit) == (
        5, 250_000, 5_000_050,
    )  # fmt: skip
    (entry,) = audit_of(merchant.id)
    assert entry.after == {
        "settlement_delay_days": 5, "daily_limit": 250_000, "monthly_limit": 5_000_050,
    }  # fmt: skip
    for fault in (
        {"settlement_currency": "EUR"}, {"settlement_delay_days": "91"}, {"daily_limit": "-1"},
        {"daily_limit": "0.001"}, {"daily_limit": "60000"}, {"monthly_limit": "x"},
    ):  # fmt: skip
        text = do(superuser, MERCHANT, merchant.id, "settlement", **(values | fault))
        assert 'class="c-error"' in text
    again = do(superuser, MERCHANT, merchant.id, "settlement", **values)
    assert "Nothing was different." in again
    assert len(audit_of(merchant.id)) == 1


def test_currencies_are_chosen_from_a_list(superuser, merchant):
    do(superuser, MERCHANT, merchant.id, "processing", currencies=["USD", "EUR"])
    assert Merchant.objects.get(pk=merchant.id).processing_config == {"currencies": ["EUR", "USD"]}
    assert 'class="c-error"' in do(superuser, MERCHANT, merchant.id, "processing", currencies="XXX")

    do(superuser, MERCHANT, merchant.id, "processing", credits_recorded="on")
    config = Merchant.objects.get(pk=merchant.id).processing_config
    assert config == {"credits_recorded_payments": True}

    do(superuser, MERCHANT, merchant.id, "processing")

    assert Merchant.objects.get(pk=merchant.id).processing_config == {}


def test_a_payment_takes_the_new_terms(superuser, api):
    merchant = api.scope.merchant_id
    do(superuser, MERCHANT, merchant, "fees", **{"rates-0-percent": "10"})
    assert Merchant.objects.get(pk=merchant).fee_structure["percent_bps"] == 1000
    # This process has not read the terms before; the server's may be five seconds old.
    assert get_terms(merchant).fee_for(amount=1000, currency="USD", brand="visa") == 100


@pytest.mark.parametrize(
    "changes",
    [
        {"business_name": ""}, {"email": "no address"}, {"website": "javascript:alert(1)"},
        {"country": "Germany"}, {"business_name": "x" * 201}, {"city": "a\0b"}, {"reason": ""},
    ],
)  # fmt: skip
def test_details_with_a_fault_are_not_taken(superuser, merchant, changes):
    text = do(superuser, MERCHANT, merchant.id, "details", **(DETAILS | changes))
    assert 'class="c-error"' in text
    assert audit_of(merchant.id) == []


def test_an_address_has_one_account(superuser, merchant):
    other = opened(superuser)
    text = do(superuser, MERCHANT, merchant.id, "details", **(DETAILS | {"email": other.email}))
    assert "Another account has that address." in text
    again = {
        "business_name": "Twin", "email": other.email, "settlement_currency": "EUR",
        "reason": REASON, "form_token": token_of(superuser, ADD),
    }  # fmt: skip
    assert "Another account has that address." in superuser.post(ADD, again).content.decode()
    assert Merchant.objects.filter(email=other.email).count() == 1


def test_the_tax_id_is_shown_on_request_and_on_record(superuser):
    merchant = opened(superuser, tax_id="DE999999999")
    page = page_of(MERCHANT, merchant.pk)
    assert "DE999999999" not in superuser.get(page).content.decode()

    text = do(superuser, MERCHANT, merchant.pk, "reveal")

    assert "DE999999999" in text
    assert audit_of(merchant.pk)[-1].action == "merchant.tax_id_revealed"
    assert (
        "DE999999999" not in superuser.get(act(MERCHANT, merchant.pk, "details")).content.decode()
    )


def test_risk_is_rated(superuser, merchant):
    do(superuser, MERCHANT, merchant.id, "risk", risk_level="high")
    assert Merchant.objects.get(pk=merchant.id).risk_level == "high"
    assert 'class="c-error"' in do(superuser, MERCHANT, merchant.id, "risk", risk_level="none")


def test_a_closed_account_is_changed_no_more(superuser, merchant):
    do(superuser, MERCHANT, merchant.id, "close")
    for name in ("details", "fees", "settlement", "processing", "risk", "tick"):
        assert "does not allow that any more" in do(superuser, MERCHANT, merchant.id, name)
    assert AuditEntry.objects.filter(object_id=str(merchant.id)).count() == 1


def test_each_tab_has_its_panels_and_its_right(superuser, staff_with, business):
    page = page_of(MERCHANT, business.merchant.id)
    first = superuser.get(page).content.decode()
    for name in ("API keys", "Disputes", "Payments", "Onboarding", "History"):
        assert f"?tab={name.replace(' ', '+')}" in first
    assert "Newest live payments" not in first
    payments = superuser.get(page, {"tab": "Payments"}).content.decode()
    assert "Newest live payments" in payments
    assert "Settles in" not in payments
    assert "Settles in" in superuser.get(page, {"tab": "Nonsense\0"}).content.decode()
    viewer = staff_with("merchants.view_merchant")
    assert "?tab=Payments" not in viewer.get(page).content.decode()
    assert "Newest live payments" not in viewer.get(page, {"tab": "Payments"}).content.decode()


def test_acts_on_accounts_need_their_own_rights(staff_with, merchant):
    rights = {
        "suspend": "merchants.suspend_merchant",
        "close": "merchants.close_merchant",
        "tick": "merchants.approve_merchant",
        "details": "merchants.change_merchant",
        "fees": "merchants.change_merchant_terms",
        "settlement": "merchants.change_merchant_terms",
        "processing": "merchants.change_merchant_terms",
        "risk": "merchants.rate_merchant",
        "reveal": "merchants.reveal_merchant",
    }
    for name, right in rights.items():
        others = sorted(set(rights.values()) - {right})
        without = staff_with("merchants.view_merchant", *others)
        address = act(MERCHANT, merchant.id, name)
        assert without.post(address, {"reason": REASON}).status_code == 403
        assert staff_with("merchants.view_merchant", right).get(address).status_code == 200
    viewer = staff_with("merchants.view_merchant")
    assert viewer.get(ADD).status_code == 403
    assert ADD not in viewer.get(list_of(MERCHANT)).content.decode()
    maker = staff_with("merchants.view_merchant", "merchants.add_merchant")
    assert ADD in maker.get(list_of(MERCHANT)).content.decode()
    assert maker.get(ADD).status_code == 200
    assert audit_of(merchant.id) == []
