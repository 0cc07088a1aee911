"""A day's work in the console, by the mouse: each role does what it is there for."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from disputes.models import Dispute, Refund
from payments_project.staff.models import Approval, AuditEntry, StaffUser
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.payouts.making import give, let_bank_work, make_account
from transactions.models import PaymentReview, Transaction
from transactions.payout_models import Payout

pytestmark = pytest.mark.browser

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

AtWork = Callable[[str], Page]


def say_why(page: Page, why: str) -> None:
    """What every act asks for."""
    page.get_by_label("Reason", exact=True).fill(why)


def act(page: Page, title: str) -> None:
    """Opens an act from the object's page, whose button begins with an icon's name."""
    page.locator("a.c-button, a.c-more", has_text=re.compile(rf"{title}$")).first.click()


def do(page: Page, title: str) -> None:
    """Sends the act's form."""
    page.locator("form.c-form").get_by_role("button", name=title, exact=True).click()


def find_payment(page: Page, *, last_four: str, amount: str) -> None:
    """As somebody on the phone does: by the card's last digits and the amount."""
    page.goto("/admin/transactions/transaction/")
    page.get_by_role("searchbox").or_(page.locator("#searchbar")).first.fill(last_four)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    page.get_by_role("button", name="Filters").or_(page.get_by_text("Filters")).first.click()
    page.locator("input[name=amount_from]").fill(amount)
    page.locator("input[name=amount_to]").fill(amount)
    page.get_by_role("button", name=re.compile("apply", re.I)).first.click()
    page.wait_for_url("**amount_from=*")
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()


def test_support_refunds_a_payment_and_finance_approves(at_work: AtWork, live_api: Api) -> None:
    # An amount that nobody else pays.
    payment = live_api.paid("5555555555554444", amount=731_357)["id"]
    live_api.paid("5555555555554444", amount=2_000)
    support = at_work("Support")

    find_payment(support, last_four="4444", amount="7313.57")
    expect(support.locator(".c-headline h2")).to_contain_text("$7,313.57")
    act(support, "Refund")
    support.get_by_label("Amount in USD").fill("2500")
    support.get_by_label("Reason that the merchant sees").select_option("requested_by_customer")
    say_why(support, "Ticket 4711: two of three bicycles came back")
    do(support, "Refund")

    expect(support.get_by_text("a colleague has to approve it")).to_be_visible()
    assert not Refund.objects.filter(transaction_id=payment).exists()

    finance = at_work("Finance")
    approval = Approval.objects.get(object_id=payment)
    queue = finance.locator("section.c-box", has_text="To approve")
    queue.locator(f"a[href*='{approval.pk}']").click()
    expect(finance.get_by_text("Ticket 4711")).to_be_visible()
    act(finance, "Approve")
    say_why(finance, "Checked with the warehouse")
    do(finance, "Approve")

    expect(finance.get_by_text("$2,500.00 refunded.")).to_be_visible()
    refund = Refund.objects.get(transaction_id=payment)
    assert (refund.amount, refund.status) == (250_000, "succeeded")
    support.reload()
    expect(support.locator("section.c-box", has_text="Refunds").first).to_contain_text("$2,500.00")


def test_support_answers_a_dispute_with_evidence(at_work: AtWork, live_api: Api) -> None:
    payment = live_api.paid("4000000000002685", amount=4_200)["id"]
    deliver_gateway_messages()
    dispute = Dispute.objects.get(transaction_id=payment)
    # The nearest deadline of all, so that it stands first in the queue.
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    Dispute.objects.filter(pk=dispute.pk).update(due_date=tomorrow)
    support = at_work("Support")

    queue = support.locator("section.c-box", has_text="Disputes by deadline")
    queue.locator(f"a[href*='{dispute.pk}']").click()
    expect(support.get_by_text("1 d left").first).to_be_visible()
    act(support, "Give evidence")
    support.get_by_text("more fields").click()
    support.get_by_label("Uncategorized text").fill("winning_evidence")
    support.get_by_label("Shipping tracking number").fill("1Z999AA10123456784")
    support.locator("input[type=file]").first.set_input_files(
        files=[{"name": "receipt.pdf", "mimeType": "application/pdf", "buffer": PDF}]
    )
    say_why(support, "Ticket 4712")
    support.locator("form.c-form button").first.click()

    act(support, "Submit evidence")
    say_why(support, "Ticket 4712")
    support.locator("form.c-form button").first.click()

    expect(support.locator(".c-headline-badges")).to_contain_text("under review")
    dispute.refresh_from_db()
    assert dispute.evidence["uncategorized_text"] == "winning_evidence"
    deliver_gateway_messages()
    support.reload()
    expect(support.locator(".c-headline-badges")).to_contain_text("won")


def test_risk_reviews_a_payment_and_approves_a_merchant(at_work: AtWork, live_api: Api) -> None:
    payment = live_api.paid(amount=9_900)["id"]
    support = at_work("Support")
    support.goto(f"/admin/transactions/transaction/{payment}/change/")
    act(support, "Mark for review")
    support.get_by_label("Reason", exact=True).fill("Same card, five names")
    do(support, "Mark for review")
    expect(support.get_by_text("It waits in the review queue")).to_be_visible()

    risk = at_work("Risk")
    review = PaymentReview.objects.get(transaction_id=payment)
    risk.goto(f"/admin/transactions/paymentreview/{review.pk}/change/")
    expect(risk.get_by_text("Same card, five names").first).to_be_visible()
    act(risk, "Clear")
    say_why(risk, "One family, one card")
    do(risk, "Clear")
    expect(risk.get_by_text("The payment is cleared.")).to_be_visible()
    assert Transaction.objects.get(pk=payment).compliance_status == "cleared"


def test_finance_pays_a_merchant_out(at_work: AtWork, live_api: Api) -> None:
    make_account(live_api.scope)
    give(live_api.scope, 50_000)
    finance = at_work("Finance")
    finance.goto(f"/admin/transactions/merchantbalance/?merchant={live_api.scope.merchant_id}")
    finance.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    act(finance, "Pay out")
    finance.get_by_label(re.compile("^Amount")).fill("120.50")
    say_why(finance, "Asked for by phone")
    finance.locator("form.c-form button").first.click()

    payout = Payout.objects.get(merchant_id=live_api.scope.merchant_id)
    assert (payout.amount, payout.status) == (12_050, "pending")
    let_bank_work()
    finance.goto(f"/admin/transactions/payout/{payout.pk}/change/")
    expect(finance.locator(".c-headline-badges")).to_contain_text("paid")


def test_an_administrator_takes_on_a_colleague(at_work: AtWork) -> None:
    administrator = at_work("Administrator")
    administrator.goto("/admin/payments_project/staffuser/add/")
    administrator.locator("input[name=username]").fill("grace")
    administrator.locator("input[name=email]").fill("grace@example.com")
    for name in ("password1", "password2"):
        administrator.locator(f"input[name={name}]").fill("nine blue tandems")
    administrator.locator("input[name=is_staff]").check(force=True)
    administrator.locator("select[name=groups]").select_option(label="Support")
    administrator.get_by_role("button", name=re.compile("^Save")).first.click()
    administrator.wait_for_url("**/change/")

    grace = StaffUser.objects.get(username="grace")
    assert [group.name for group in grace.groups.all()] == ["Support"]
    assert AuditEntry.objects.filter(object_id=str(grace.pk), action="staff_user.created").exists()


def test_the_auditor_sees_it_all_and_finds_no_button(
    at_work: AtWork, live_api: Api, tmp_path: Path
) -> None:
    payment = live_api.paid(amount=5_000)["id"]
    auditor = at_work("Auditor")
    auditor.goto(f"/admin/transactions/transaction/{payment}/change/")
    expect(auditor.get_by_text("Ledger").first).to_be_visible()
    expect(auditor.locator("nav.c-acts a")).to_have_count(0)
    auditor.goto(
        f"/admin/transactions/transaction/?merchant={live_api.scope.merchant_id}&environment=live"
    )
    auditor.get_by_role("link", name="Export").click()
    say_why(auditor, "Yearly audit, sample 12")
    with auditor.expect_download() as download:
        auditor.get_by_role("button", name="Download").click()
    file = tmp_path / "payments.csv"
    download.value.save_as(file)
    assert payment in file.read_text(encoding="utf-8-sig")
