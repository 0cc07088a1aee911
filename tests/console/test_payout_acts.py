"""Payouts in the console: asked for, approved by a second person, cancelled, exported, recorded."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from payments_project.events.models import Event
from payments_project.staff.models import Approval
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.console.acting import act, audit_of, do
from tests.console.test_pages import page_of
from tests.payouts.making import (
    bank_by_file,
    export,
    german_iban,
    give,
    let_bank_work,
    make_account,
    pay_out,
    pay_out_by_file,
    payout,
)
from transactions.balances import fold_balances
from transactions.errors import PayoutStateInvalid
from transactions.models import MerchantBalance
from transactions.payout_models import (
    BalanceAdjustment,
    Payout,
    PayoutAccount,
    PayoutExport,
    PayoutSchedule,
)

FINANCE = (
    "merchants.view_merchant",
    "payments_project.view_approval",
    "transactions.view_merchantbalance",
    "transactions.view_payout",
    "transactions.view_payoutaccount",
    "transactions.view_payoutexport",
    "transactions.view_payoutschedule",
    "transactions.create_payout",
    "transactions.approve_payout",
    "transactions.cancel_payout",
    "transactions.settle_payout",
    "transactions.export_payout",
    "transactions.edit_payoutaccount",
    "transactions.confirm_payoutaccount",
    "transactions.edit_payoutschedule",
    "transactions.request_adjustment",
    "transactions.approve_adjustment",
)
# Every act here, with the right that it alone needs.
ACTS = [
    ("transactions.merchantbalance", "pay-out", "create_payout"),
    ("transactions.merchantbalance", "adjust", "request_adjustment"),
    ("transactions.payout", "cancel", "cancel_payout"),
    ("transactions.payout", "retry", "create_payout"),
    ("transactions.payout", "record-paid", "settle_payout"),
    ("transactions.payout", "record-failed", "settle_payout"),
    ("transactions.payoutaccount", "confirm", "confirm_payoutaccount"),
    ("transactions.payoutaccount", "replace", "edit_payoutaccount"),
    ("transactions.payoutaccount", "choose", "edit_payoutaccount"),
    ("transactions.payoutaccount", "remove", "edit_payoutaccount"),
    ("merchants.merchant", "add-payout-account", "edit_payoutaccount"),
    ("merchants.merchant", "payout-schedule", "edit_payoutschedule"),
]
DETAILS = {
    "currency": "EUR", "environment": "live", "holder_name": "Corner Shop Ltd",
    "account_number": german_iban("4321"), "routing_number": "", "country": "", "bic": "",
}  # fmt: skip


@pytest.fixture
def finance(staff_with: Callable[..., Client]) -> Client:
    return staff_with(*FINANCE)


@pytest.fixture
def colleague(staff_with: Callable[..., Client]) -> Client:
    return staff_with(*FINANCE)


@pytest.fixture
def funded(live_api: Api) -> Api:
    give(live_api.scope, 500_000)
    make_account(live_api.scope)
    return live_api


def balance_of(scope: Scope, currency: str = "USD") -> MerchantBalance:
    fold_balances()
    return MerchantBalance.objects.get(
        merchant_id=scope.merchant_id, environment=scope.environment, currency=currency
    )


def newest(api: Api) -> Payout:
    return Payout.objects.filter(merchant_id=api.scope.merchant_id).latest("id")


def test_staff_pay_out_for_a_merchant(finance: Client, funded: Api) -> None:
    balance = balance_of(funded.scope)

    page = do(finance, "transactions.merchantbalance", balance.pk, "pay-out", amount="12.50",
              description="By phone")  # fmt: skip

    made = newest(funded)
    assert "$12.50 is set aside and goes to ····0001." in page
    assert (made.amount, made.description, made.awaits_approval) == (1_250, "By phone", False)
    assert (made.requested_by, made.requested_by_kind) == (finance.user.pk, "staff")
    (entry,) = audit_of(made.pk)
    assert (entry.action, entry.staff_user_id) == ("payout.created", finance.user.pk)
    let_bank_work()
    assert payout(funded, str(made.pk))["status"] == "paid"


def test_more_than_is_available_is_told_at_the_amount(finance: Client, funded: Api) -> None:
    balance = balance_of(funded.scope)

    page = do(finance, "transactions.merchantbalance", balance.pk, "pay-out", amount="5000.01",
              description="")  # fmt: skip

    assert "At most 500000 of USD is available." in page
    assert not Payout.objects.filter(merchant_id=funded.scope.merchant_id).exists()


def test_large_payout_is_sent_once_a_second_person_has_approved_it(
    finance: Client, colleague: Client, funded: Api
) -> None:
    balance = balance_of(funded.scope)
    page = do(finance, "transactions.merchantbalance", balance.pk, "pay-out", amount="1000.01",
              description="")  # fmt: skip
    made = newest(funded)
    assert "needs a second person" in page
    approval = Approval.objects.get(object_id=str(made.pk))
    let_bank_work()
    assert (made.awaits_approval, payout(funded, str(made.pk))["status"]) == (True, "pending")

    own = do(finance, "payments_project.approval", approval.pk, "approve")
    assert "can't approve it" in own
    let_bank_work()
    assert payout(funded, str(made.pk))["status"] == "pending"

    do(colleague, "payments_project.approval", approval.pk, "approve")
    let_bank_work()

    assert payout(funded, str(made.pk))["status"] == "paid"
    made.refresh_from_db()
    assert (made.approved_by, made.awaits_approval) == (colleague.user.pk, False)
    assert [entry.action for entry in audit_of(made.pk)] == [
        "payout.approval_requested", "payout.created", "payout.approved",
    ]  # fmt: skip


def test_rejected_payout_is_cancelled_and_its_money_comes_back(
    colleague: Client, funded: Api
) -> None:
    made = pay_out(funded, 200_000)
    approval = Approval.objects.get(object_id=made["id"])
    assert funded.balance()["available"] == 300_000

    do(colleague, "payments_project.approval", approval.pk, "reject")

    assert payout(funded, made["id"])["status"] == "cancelled"
    assert funded.balance()["available"] == 500_000
    let_bank_work()
    assert payout(funded, made["id"])["status"] == "cancelled"
    told = Event.objects.filter(aggregateid=made["id"]).order_by("sequence")
    assert [event.type for event in told] == ["payout.created", "payout.cancelled"]


def test_approving_what_the_merchant_has_cancelled_pays_nothing(
    colleague: Client, funded: Api
) -> None:
    made = pay_out(funded, 200_000)
    approval = Approval.objects.get(object_id=made["id"])
    assert funded.post(f"/v1/payouts/{made['id']}/cancel").status_code == 200

    page = do(colleague, "payments_project.approval", approval.pk, "approve")

    assert "The payout is cancelled already." in page
    do(colleague, "payments_project.approval", approval.pk, "reject")
    assert payout(funded, made["id"])["status"] == "cancelled"
    assert funded.balance()["available"] == 500_000


def test_staff_cancel_and_pay_out_again(finance: Client, funded: Api) -> None:
    cancelled = pay_out(funded, 1_000)
    failed = pay_out(funded, 1_000)
    do(finance, "transactions.payout", cancelled["id"], "cancel")
    Payout.objects.filter(pk=failed["id"]).update(bank_name="simulator")
    PayoutAccount.objects.filter(merchant_id=funded.scope.merchant_id).update(last_four="0002")
    let_bank_work()
    assert payout(funded, failed["id"])["status"] == "failed"
    PayoutAccount.objects.filter(merchant_id=funded.scope.merchant_id).update(last_four="0001")

    do(finance, "transactions.payout", failed["id"], "retry")
    again = newest(funded)
    refused = do(finance, "transactions.payout", failed["id"], "retry")
    let_bank_work()

    assert payout(funded, cancelled["id"])["status"] == "cancelled"
    assert (str(again.retry_of_id), again.amount) == (failed["id"], 1_000)
    assert payout(funded, str(again.pk))["status"] == "paid"
    assert "does not allow that any more" in refused
    assert funded.balance()["available"] == 499_000


def test_account_is_entered_by_one_and_confirmed_by_another(
    finance: Client, colleague: Client, live_api: Api
) -> None:
    page = do(finance, "merchants.merchant", live_api.scope.merchant_id, "add-payout-account",
              **DETAILS)  # fmt: skip
    account = PayoutAccount.objects.get(merchant_id=live_api.scope.merchant_id)
    assert "A second person has to confirm it" in page

    own = do(finance, "transactions.payoutaccount", account.pk, "confirm",
             account_number=DETAILS["account_number"])  # fmt: skip
    wrong = do(colleague, "transactions.payoutaccount", account.pk, "confirm",
               account_number=german_iban("4322"))  # fmt: skip
    account.refresh_from_db()
    assert ("can't confirm it" in own, "not the number" in wrong) == (True, True)
    assert account.status == "unconfirmed"
    do(colleague, "transactions.payoutaccount", account.pk, "confirm",
       account_number=DETAILS["account_number"])  # fmt: skip

    account.refresh_from_db()
    assert (account.status, account.confirmed_by) == ("confirmed", colleague.user.pk)
    trail = audit_of(account.pk)
    assert [entry.action for entry in trail] == [
        "payout_account.added", "payout_account.confirmed",
    ]  # fmt: skip
    for entry in trail:
        assert entry.after["last_four"] == "4321"
        for secret in (DETAILS["account_number"], "Corner Shop Ltd"):
            assert secret not in str(vars(entry))


def test_no_page_shows_an_accounts_number(superuser: Client, live_api: Api) -> None:
    account = make_account(live_api.scope)
    for address in (
        page_of("transactions.payoutaccount", account.pk),
        page_of("merchants.merchant", live_api.scope.merchant_id) + "?tab=Payouts",
        act("transactions.payoutaccount", account.pk, "replace"),
    ):
        page = superuser.get(address)
        assert page.status_code == 200
        text = page.content.decode()
        assert "0001" in text
        assert german_iban("0001") not in text
        assert "Corner Shop Ltd" not in text


def test_wrong_details_are_told_at_their_field(finance: Client, live_api: Api) -> None:
    merchant = live_api.scope.merchant_id
    page = do(finance, "merchants.merchant", merchant, "add-payout-account",
              **(DETAILS | {"account_number": "DE00"}))  # fmt: skip
    assert "That is no IBAN" in page
    assert not PayoutAccount.objects.filter(merchant_id=merchant).exists()


def test_schedule_is_changed(finance: Client, live_api: Api) -> None:
    merchant = live_api.scope.merchant_id
    form = {"currency": "USD", "environment": "live", "interval": "weekly", "weekday": "",
            "minimum": ""}  # fmt: skip
    refused = do(finance, "merchants.merchant", merchant, "payout-schedule", **form)
    assert "needs its day" in refused

    page = do(finance, "merchants.merchant", merchant, "payout-schedule",
              **(form | {"weekday": "4", "minimum": "25.00"}))  # fmt: skip

    schedule = PayoutSchedule.objects.get(merchant_id=merchant)
    assert (schedule.interval, schedule.weekday, schedule.minimum_amount) == ("weekly", 4, 2_500)
    assert "Payouts in USD: weekly on Friday." in page
    (entry,) = audit_of(schedule.pk)
    assert entry.after["minimum_amount"] == 2_500


def test_adjustments(finance: Client, colleague: Client, funded: Api) -> None:
    balance = balance_of(funded.scope)

    def adjust(direction: str, amount: str, **more: str) -> str:
        return do(finance, "transactions.merchantbalance", balance.pk, "adjust",
                  direction=direction, amount=amount, **more)  # fmt: skip

    adjust("give", "12.50")
    adjust("take", "2.50")
    assert funded.balance()["available"] == 501_000
    made = BalanceAdjustment.objects.filter(requested_by=finance.user.pk).order_by("id")
    assert [row.amount for row in made] == [1_250, -250]
    entries = funded.get("/v1/balance/entries", source=str(made[1].pk)).json()["data"]
    assert [(e["type"], e["bucket"], e["amount"]) for e in entries] == [
        ("adjustment", "available", -250)
    ]
    (event,) = Event.objects.filter(aggregateid=str(made[0].pk))
    assert event.type == "balance_adjustment.created"
    assert [entry.action for entry in audit_of(made[0].pk)] == ["balance.adjusted"]

    # Slices count together: 15.00 so far, and 985.01 more is over the limit.
    assert "needs a second person" in adjust("give", "985.01")
    assert funded.balance()["available"] == 501_000
    approval = Approval.objects.get(object_id=str(balance.pk))
    assert "can't approve" in do(finance, "payments_project.approval", approval.pk, "approve")
    do(colleague, "payments_project.approval", approval.pk, "approve")
    assert funded.balance()["available"] == 599_501
    approved = BalanceAdjustment.objects.get(approved_by=colleague.user.pk)
    assert (approved.amount, approved.requested_by) == (98_501, finance.user.pk)


def test_adjustment_below_zero_has_to_be_meant(finance: Client, live_api: Api) -> None:
    give(live_api.scope, 100)
    balance = balance_of(live_api.scope)

    def take(**more: str) -> str:
        return do(finance, "transactions.merchantbalance", balance.pk, "adjust",
                  direction="take", amount="1.01", **more)  # fmt: skip

    assert "Only 100 of USD" in take()
    assert live_api.balance()["available"] == 100
    take(may_overdraw="on")
    assert live_api.balance()["available"] == -1


@pytest.fixture
def in_file(live_api: Api) -> Iterator[Api]:
    with bank_by_file():
        with suppress(PayoutStateInvalid):
            export()
        give(live_api.scope, 10_000, "EUR")
        make_account(live_api.scope, "EUR")
        yield live_api


def test_file_is_made_once_read_on_record_and_its_payouts_recorded(
    finance: Client, in_file: Api
) -> None:
    first, second = (pay_out_by_file(in_file.scope, 1_000).pk for _ in range(2))
    address = reverse("admin:transactions_payout_act_on_list", args=["export"])
    form = {"currency": "EUR", "environment": "live", "reason": "Ticket 4711"}

    def make_file() -> str:
        token = finance.get(address).content.decode().split('name="form_token" value="')[1]
        sent = {**form, "form_token": token.split('"')[0]}
        return finance.post(address, sent, follow=True).content.decode()

    assert "2 payouts in a file over €20.00" in make_file()
    assert "No payout in EUR waits for a file." in make_file()
    made = PayoutExport.objects.latest("id")
    file = reverse("admin:transactions_payoutexport_file", args=[made.pk])
    answers = [finance.get(file) for _ in range(2)]
    assert {answer.content.decode() for answer in answers} == {made.content}
    assert answers[0].headers["Content-Disposition"].endswith(f'{made.pk.hex}.xml"')
    assert [entry.action for entry in audit_of(made.pk)] == [
        "payout_export.created", "payout_export.read", "payout_export.read",
    ]  # fmt: skip
    do(finance, "transactions.payout", first, "record-paid")
    do(finance, "transactions.payout", second, "record-failed", failure_code="account_closed")
    assert payout(in_file, str(first))["status"] == "paid"
    assert payout(in_file, str(second))["status"] == "failed"
    assert Payout.objects.get(pk=second).failure_code == "account_closed"
    assert in_file.balance("EUR")["available"] == 9_000


def test_file_is_for_those_who_may_export(staff_with: Callable[..., Client], in_file: Api) -> None:
    pay_out_by_file(in_file.scope, 1_000)
    made = export()
    reader = staff_with("transactions.view_payoutexport", "transactions.view_payout")

    file = reader.get(reverse("admin:transactions_payoutexport_file", args=[made.pk]))

    assert file.status_code == 403
    assert reader.get(page_of("transactions.payoutexport", made.pk)).status_code == 200
    listed = reverse("admin:transactions_payout_act_on_list", args=["export"])
    assert reader.get(listed).status_code == 403


@pytest.mark.parametrize(("label", "name", "right"), ACTS)
def test_each_act_is_refused_without_its_right(
    staff_with: Callable[..., Client], funded: Api, label: str, name: str, right: str
) -> None:
    made = pay_out(funded, 1_000)
    keys: dict[str, object] = {
        "transactions.payout": made["id"],
        "transactions.payoutaccount": Payout.objects.get(pk=made["id"]).account_id,
        "transactions.merchantbalance": balance_of(funded.scope).pk,
        "merchants.merchant": funded.scope.merchant_id,
    }
    others = [permission for permission in FINANCE if not permission.endswith(f".{right}")]

    answer = staff_with(*others).post(act(label, keys[label], name), {"reason": "x"})

    assert answer.status_code == 403
    assert UUID(str(keys[label]))


def test_home_tells_of_payouts_that_need_somebody(finance: Client, funded: Api) -> None:
    pay_out(funded, 200_000)
    make_account(funded.scope, "EUR", is_confirmed=False)

    page = finance.get("/admin/?environment=live").content.decode()

    assert re.search(r"[1-9]\d* to approve", page)
    assert "Bank accounts to confirm" in page
