"""Every page of the console: who may open it, and that nothing on it changes money."""

from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from payments_project.console.panels import ROWS_MAX
from transactions.models import LedgerEntry, MerchantPendingDay

MODELS = {model._meta.label_lower: model for model in admin.site._registry}
# What the console edits: people, their roles and what they may do alone. Everything else changes by
# services alone.
EDITED = {"payments_project.staffuser", "auth.group", "payments_project.approvallimit"}


def list_of(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def page_of(label: str, key: object) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_change", args=[quote(key)])


def newest_of(label: str):
    return MODELS[label]._default_manager.order_by("-pk").first()


def test_the_console_shows_every_table_of_the_business():
    assert set(MODELS) >= {
        "transactions.transaction",
        "disputes.refund",
        "disputes.dispute",
        "merchants.merchant",
        "merchants.apikey",
        "merchants.customer",
        "vault.paymentmethod",
        "transactions.ledgerentry",
        "transactions.merchantbalance",
        "payments_project.event",
        "payments_project.auditentry",
    }


@pytest.mark.parametrize("label", sorted(MODELS))
def test_a_list_opens(superuser, business, label):
    page = superuser.get(list_of(label))
    assert page.status_code == 200
    assert "Payments console" in page.content.decode()


@pytest.mark.parametrize("label", sorted(MODELS))
def test_an_objects_page_opens(superuser, business, label):
    found = newest_of(label)
    assert found is not None, "the business has none of these"
    assert superuser.get(page_of(label, found.pk)).status_code == 200


@pytest.mark.parametrize("label", sorted(MODELS))
def test_a_list_is_refused_without_the_right_to_view_it(staff_with, business, label):
    nobody = staff_with()
    assert nobody.get(list_of(label)).status_code == 403
    assert "Not allowed" in nobody.get(list_of(label)).content.decode()


@pytest.mark.parametrize("label", sorted(MODELS))
def test_an_objects_page_is_refused_without_the_right_to_view_it(staff_with, business, label):
    assert staff_with().get(page_of(label, newest_of(label).pk)).status_code == 403


@pytest.mark.parametrize("label", sorted(set(MODELS) - EDITED))
def test_nothing_is_added_changed_or_deleted_even_by_a_superuser(superuser, business, label):
    found = newest_of(label)
    page, base = page_of(label, found.pk), list_of(label)
    assert superuser.get(f"{base}add/").status_code == 403
    assert superuser.post(f"{base}add/", {}).status_code == 403
    assert superuser.post(page, {"status": "succeeded", "amount": "1"}).status_code == 403
    deletion = reverse(f"admin:{label.replace('.', '_')}_delete", args=[found.pk])
    assert superuser.post(deletion, {"post": "yes"}).status_code == 403
    superuser.post(base, {"action": "delete_selected", "_selected_action": [str(found.pk)]})
    after = MODELS[label]._default_manager.filter(pk=found.pk).values().first()
    before = {name: getattr(found, name) for name in after}
    # Working marks of the running server are not what the requests above could have changed.
    for name in ("last_used_at", "updated_at", "snapshot"):
        before.pop(name, None), after.pop(name, None)
    assert after == before


def test_the_right_to_view_payments_opens_payments_and_nothing_else(staff_with, business):
    viewer = staff_with("transactions.view_transaction")
    label = "transactions.transaction"
    page = viewer.get(page_of(label, business.paid["id"]))
    assert page.status_code == 200
    text = page.content.decode()
    assert "$42.00" in text
    # Panels have rights of their own.
    assert "Ledger" not in text
    assert "Timeline" not in text
    for other in sorted(set(MODELS) - {label}):
        assert viewer.get(list_of(other)).status_code == 403
    sidebar = viewer.get(reverse("admin:index")).content.decode()
    assert list_of(label) in sidebar
    assert list_of("disputes.refund") not in sidebar


def test_a_payments_page_tells_its_whole_story(superuser, business):
    text = superuser.get(page_of("transactions.transaction", business.paid["id"])).content.decode()
    for words in (
        "$42.00", "left after refunds", "Timeline", "Intent recorded", "Succeeded", "Refunds",
        "$12.00", "Ledger", "4242", business.email, business.paid["gateway"]["transaction_id"],
    ):  # fmt: skip
        assert words in text


def test_a_declined_payment_says_why(superuser, business):
    page = superuser.get(page_of("transactions.transaction", business.declined["id"]))
    assert business.declined["failure"]["message"] in page.content.decode().replace("&#x27;", "'")


def test_the_home_page_shows_both_environments(superuser, live_api):
    paid = live_api.paid()["id"]
    assert "Newest payments" in superuser.get("/admin/").content.decode()
    live, test = (
        superuser.get("/admin/", {"environment": name}).content.decode()
        for name in ("live", "test")
    )
    assert paid in live
    assert paid not in test


def test_home_shows_nobody_what_they_have_no_right_to(staff_with, live_api):
    paid = live_api.paid()["id"]
    text = staff_with().get("/admin/").content.decode()
    assert "Your roles show nothing here" in text
    assert paid not in text


def test_the_monthly_page_has_a_right_of_its_own(superuser, staff_with):
    address = reverse("admin:monthly_stats")
    assert superuser.get(address).status_code == 200
    assert superuser.get(address, {"month": "x\0", "after": "y"}).status_code == 200
    assert staff_with().get(address).status_code == 403
    viewer = staff_with("analytics.view_merchantmonthlystats")
    assert viewer.get(address).status_code == 200


def test_an_address_without_an_object_is_a_page_of_the_console(superuser):
    for address in (
        page_of("transactions.transaction", uuid4()),
        page_of("transactions.transaction", "no-id"),
        page_of("merchants.merchant", uuid4()),
        "/admin/nothing/here/",
    ):
        page = superuser.get(address)
        assert page.status_code == 404
        assert "There is nothing at this address." in page.content.decode()


def test_strangers_are_asked_to_sign_in_and_told_who_this_is_for():
    stranger = Client()
    sent = stranger.get("/admin/transactions/transaction/")
    assert sent.status_code == 302
    assert sent.headers["Location"] == "/admin/login/?next=/admin/transactions/transaction/"
    text = stranger.get("/admin/login/").content.decode()
    assert "<h1>Payments console</h1>" in text
    assert "recorded under your name" in text
    assert "console/icon.svg" in text


def test_signing_in_leads_home(superuser):
    password = uuid4().hex
    superuser.user.set_password(password)
    superuser.user.save()
    client = Client()
    form = client.get("/admin/login/")
    assert form.context["next"] == "/admin/"
    assert '<input type="hidden" name="next" value="/admin/">' in form.content.decode()
    credentials = {"username": superuser.user.username, "password": password}
    wrong = client.post("/admin/login/", credentials | {"password": "no"})
    assert "enter the correct username and password" in wrong.content.decode()
    signed_in = client.post("/admin/login/", credentials | {"next": "/admin/"})
    assert signed_in.status_code == 302
    assert signed_in.headers["Location"] == "/admin/"


def test_pages_allow_no_foreign_and_no_inline_script(superuser, business):
    for address in ("/admin/", "/admin/login/", list_of("transactions.transaction")):
        page = superuser.get(address) if "login" not in address else Client().get(address)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "<style" not in page.content.decode()
        assert page.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")


def test_a_disputes_page_shows_what_it_moved_and_a_ledger_entry_leads_back(superuser, business):
    page = superuser.get(page_of("disputes.dispute", business.disputed)).content.decode()
    entry = LedgerEntry.objects.filter(source_id=business.disputed, type="dispute_hold").get()
    assert page_of("transactions.ledgerentry", entry.pk) in page
    shown = superuser.get(page_of("transactions.ledgerentry", entry.pk)).content.decode()
    assert page_of("disputes.dispute", business.disputed) in shown


def test_a_payment_with_many_refunds_says_that_these_are_the_first_and_leads_to_all(superuser, api):
    payment = api.paid(amount=ROWS_MAX + 1)["id"]
    for _ in range(ROWS_MAX + 1):
        refund = {"transaction": payment, "amount": 1}
        assert api.post("/v1/refunds", refund).json()["status"] == "succeeded"

    page = superuser.get(page_of("transactions.transaction", payment)).content.decode()
    everything = {
        "disputes.refund": f"transaction={payment}",
        "transactions.ledgerentry": f"transaction_id={payment}",
    }
    assert page.count(f"The first {ROWS_MAX}.") == len(everything)
    for label, query in everything.items():
        link = f"{list_of(label)}?{query}"
        assert f'href="{link}"' in page
        assert len(superuser.get(link).context["cl"].result_list) > ROWS_MAX


def test_the_console_is_found_without_its_slash_too(client):
    assert client.get("/admin").headers["Location"] == "/admin/"
    assert client.get("/admin?environment=test").headers["Location"] == "/admin/?environment=test"


def test_settled_days_are_shown_only_when_asked_for(superuser, business):
    days = MerchantPendingDay.objects.filter(merchant_id=business.merchant.id)
    settled = days.filter(amount=0).latest("pk")
    address = list_of("transactions.merchantpendingday")
    query = f"?merchant_id={business.merchant.id}"
    link = page_of("transactions.merchantpendingday", settled.pk)
    assert link not in superuser.get(address + query).content.decode()
    assert link in superuser.get(f"{address}{query}&settled=shown").content.decode()


def test_nothing_captured_has_no_net_amount(superuser, business):
    def net(payment: str) -> str:
        page = superuser.get(page_of("transactions.transaction", payment)).content.decode()
        return page.partition("<dt>Net before refunds</dt>")[2].partition("</dd>")[0]

    assert "—" in net(business.declined["id"])
    assert "$" in net(business.paid["id"])


@pytest.mark.parametrize("label", sorted(set(MODELS) - EDITED))
def test_what_cant_be_done_by_hand_is_not_blamed_on_roles(superuser, business, label):
    deletion = reverse(f"admin:{label.replace('.', '_')}_delete", args=[newest_of(label).pk])
    for address in (f"{list_of(label)}add/", deletion):
        text = superuser.get(address).content.decode()
        assert "Nothing is added, changed or deleted here by hand" in text
        assert "Your roles" not in text


def test_an_objects_history_is_its_audit_trail(superuser, staff_with, business):
    history = reverse("admin:transactions_transaction_history", args=[business.paid["id"]])
    trail = f"{list_of('payments_project.auditentry')}?object_id={business.paid['id']}"
    assert superuser.get(history).headers["Location"] == trail
    assert staff_with().get(history).status_code == 403
    nobody = reverse("admin:transactions_transaction_history", args=[uuid4()])
    assert superuser.get(nobody).status_code == 404


def test_a_gateway_operation_says_of_which_environment_it_is(superuser, business):
    page = superuser.get(list_of("transactions.gatewayoperation")).content.decode()
    assert 'class="c-env c-env-live"' in page


def test_times_of_staff_are_written_as_everywhere(superuser):
    address = page_of("payments_project.staffuser", superuser.user.pk)
    text = superuser.get(address).content.decode()
    assert f'<time class="c-time" datetime="{superuser.user.date_joined.isoformat()}"' in text
    assert "p.m." not in text
    assert "a.m." not in text


def test_an_entry_about_a_whole_list_leads_to_it(superuser, business):
    payments = list_of("transactions.transaction")
    superuser.post(f"{payments}export/", {"reason": "Ticket"}).close()
    page = superuser.get(list_of("payments_project.auditentry")).content.decode()
    assert f'href="{payments}">all transactions</a>' in page
