"""What staff do to payments: capture, cancel, refund, ask the gateway, have somebody look."""

import re

import pytest
from django.test import Client

from disputes.models import Refund
from disputes.services.audit_books import audit_books
from payments_project.events.models import Event
from payments_project.staff.models import Approval, ApprovalLimit
from tests.console.acting import REASON, act, audit_of, do, token_of
from tests.console.test_pages import list_of, page_of
from transactions.models import GatewayOperation, PaymentReview, Transaction

PAYMENT = "transactions.transaction"


def payment(key: object) -> Transaction:
    return Transaction.objects.get(pk=key)


def audit_actions(key: object) -> list[str]:
    return [entry.action for entry in audit_of(key)]


def test_an_authorized_payment_is_captured_in_part(superuser, api):
    held = api.paid(amount=5000, capture=False)["id"]

    text = do(superuser, PAYMENT, held, "capture", amount="30.00")

    assert "$30.00 captured: the payment is succeeded." in text
    stored = payment(held)
    assert (stored.status, stored.captured_amount) == ("succeeded", 3000)
    (entry,) = audit_of(held)
    assert (entry.action, entry.staff_user_id, entry.reason) == (
        "transaction.captured", superuser.user.pk, REASON,
    )  # fmt: skip
    assert entry.before == {"status": "authorized"}
    assert entry.after["amount"] == 3000
    event = Event.objects.get(aggregateid=held, type="transaction.succeeded")
    assert (event.actor_kind, event.actor_id) == ("staff", superuser.user.pk)
    assert audit_books() == []


def test_an_authorized_payment_is_cancelled(superuser, api):
    held = api.paid(amount=5000, capture=False)["id"]

    assert "is cancelled" in do(superuser, PAYMENT, held, "cancel")

    assert payment(held).status == "cancelled"
    assert audit_actions(held) == ["transaction.cancelled"]
    for name in ("capture", "cancel", "refund", "ask"):
        text = do(superuser, PAYMENT, held, name, amount="1.00", cause="other")
        assert "its state does not allow that any more" in text
    assert audit_actions(held) == ["transaction.cancelled"]


@pytest.mark.parametrize("amount", ["", "0", "-1", "50.01", "12.345", "1e99", "a", "5\0", "NaN"])
def test_a_capture_with_a_fault_is_not_made(superuser, api, amount):
    held = api.paid(amount=5000, capture=False)["id"]

    assert 'class="c-error"' in do(superuser, PAYMENT, held, "capture", amount=amount)

    assert payment(held).status == "authorized"
    assert not GatewayOperation.objects.filter(transaction_id=held).exists()
    assert audit_of(held) == []


def test_a_payment_is_refunded_in_part(superuser, api):
    paid = api.paid(amount=5000)["id"]

    text = do(superuser, PAYMENT, paid, "refund", amount="12.50", cause="duplicate")

    assert "$12.50 refunded." in text
    refund = Refund.objects.get(transaction_id=paid)
    assert (refund.amount, refund.status, refund.reason) == (1250, "succeeded", "duplicate")
    assert (refund.requested_by, refund.requested_by_kind) == (superuser.user.pk, "staff")
    (entry,) = audit_of(paid)
    assert (entry.action, entry.reason) == ("transaction.refunded", REASON)
    assert entry.before == {"refunded_amount": 0}
    assert entry.after == {"refunded_amount": 1250, "refund": str(refund.pk)}
    assert audit_books() == []


def test_sending_the_refunds_form_again_refunds_nothing_more(superuser, api):
    paid = api.paid(amount=5000)["id"]
    address = act(PAYMENT, paid, "refund")
    form = {
        "amount": "10", "cause": "other", "reason": REASON,
        "form_token": token_of(superuser, address),
    }  # fmt: skip

    for _ in range(2):
        superuser.post(address, form)

    assert payment(paid).refunded_amount == 1000


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "50.01"}, {"amount": "0"}, {"amount": "0.001"}, {"amount": ""},
        {"cause": "whim"}, {"cause": ""}, {"reason": ""}, {"reason": "a\0b"},
    ],
)  # fmt: skip
def test_a_refund_with_a_fault_is_not_made(superuser, api, changes):
    paid = api.paid(amount=5000)["id"]

    values = {"amount": "1", "cause": "other"} | changes
    assert 'class="c-error"' in do(superuser, PAYMENT, paid, "refund", **values)

    assert payment(paid).refunded_amount == 0
    assert audit_of(paid) == []


def test_a_currency_without_decimals_is_typed_without(superuser, api):
    paid = api.paid(amount=5000, currency="JPY")["id"]

    assert "JPY has no decimals." in do(
        superuser, PAYMENT, paid, "refund", amount="10.5", cause="other"
    )
    do(superuser, PAYMENT, paid, "refund", amount="1000", cause="other")

    assert payment(paid).refunded_amount == 1000


# A second person.


@pytest.fixture
def second() -> Client:
    """Another superuser's browser."""
    from tests.console.conftest import _browser_of, _staff_user

    return _browser_of(_staff_user(is_superuser=True))


def asked_for(client: Client, api, *, amount: int = 200_000) -> tuple[str, Approval]:
    """A payment, and the refund of all of it that was asked for."""
    paid = api.paid(amount=amount)["id"]
    text = do(client, PAYMENT, paid, "refund", amount=f"{amount / 100}", cause="fraudulent")
    assert "a colleague has to approve it" in text
    return paid, Approval.objects.get(object_id=paid)


def test_a_large_refund_waits_for_a_second_person(superuser, second, api):
    paid, approval = asked_for(superuser, api)

    assert payment(paid).refunded_amount == 0
    assert not Refund.objects.filter(transaction_id=paid).exists()
    assert (approval.status, approval.amount, approval.requested_by_id) == (
        "pending", 200_000, superuser.user.pk,
    )  # fmt: skip
    assert str(approval.pk) in second.get("/admin/?environment=test").content.decode()
    assert "$2,000.00" in second.get(page_of(PAYMENT, paid)).content.decode()

    text = do(second, "payments_project.approval", approval.pk, "approve", reason="Called them")

    assert "$2,000.00 refunded." in text
    refund = Refund.objects.get(transaction_id=paid)
    assert (refund.amount, refund.status, refund.requested_by) == (
        200_000, "succeeded", superuser.user.pk,
    )  # fmt: skip
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by_id, approval.decision_reason) == (
        "approved", second.user.pk, "Called them",
    )  # fmt: skip
    assert (approval.result_type, approval.result_id) == ("disputes.Refund", str(refund.pk))
    assert audit_actions(paid) == ["refund.approval_requested", "transaction.refunded"]
    (decision,) = audit_of(approval.pk)
    assert (decision.action, decision.staff_user_id, decision.reason) == (
        "refund.approval_approved", second.user.pk, "Called them",
    )  # fmt: skip
    assert audit_books() == []


def test_who_asked_cannot_approve(superuser, api):
    paid, approval = asked_for(superuser, api)

    text = do(superuser, "payments_project.approval", approval.pk, "approve")

    assert "Who asked for it can't approve it." in text
    approval.refresh_from_db()
    assert approval.status == "pending"
    assert payment(paid).refunded_amount == 0
    assert str(approval.pk) not in superuser.get("/admin/?environment=test").content.decode()


def test_a_rejected_refund_is_not_made_and_stays_so(superuser, second, api):
    paid, approval = asked_for(superuser, api)

    do(second, "payments_project.approval", approval.pk, "reject", reason="No")
    again = do(second, "payments_project.approval", approval.pk, "approve")

    assert "its state does not allow that any more" in again
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by_id) == ("rejected", second.user.pk)
    assert payment(paid).refunded_amount == 0


def test_who_asked_may_withdraw(superuser, api):
    _, approval = asked_for(superuser, api)

    assert "withdrawn" in do(superuser, "payments_project.approval", approval.pk, "reject")

    approval.refresh_from_db()
    assert approval.status == "withdrawn"


def test_slices_of_a_large_refund_need_a_second_person_too(superuser, second, api):
    paid = api.paid(amount=200_000)["id"]
    do(superuser, PAYMENT, paid, "refund", amount="900", cause="other")
    assert payment(paid).refunded_amount == 90_000

    text = do(superuser, PAYMENT, paid, "refund", amount="200", cause="other")

    assert "a colleague has to approve it" in text
    assert payment(paid).refunded_amount == 90_000
    # Another person's slices are their own.
    do(second, PAYMENT, paid, "refund", amount="200", cause="other")
    assert payment(paid).refunded_amount == 110_000


def test_an_approval_that_cannot_be_carried_out_stays_pending(superuser, second, api):
    paid, approval = asked_for(superuser, api)
    assert api.post("/v1/refunds", {"transaction": paid, "amount": 1}).status_code == 201

    text = do(second, "payments_project.approval", approval.pk, "approve")

    assert "At most 199999 can be refunded." in text
    approval.refresh_from_db()
    assert approval.status == "pending"
    assert audit_of(approval.pk) == []


def test_approving_needs_the_right_to_what_is_approved(superuser, staff_with, api):
    _, approval = asked_for(superuser, api)
    viewer = staff_with("payments_project.view_approval", "transactions.view_transaction")
    address = act("payments_project.approval", approval.pk, "approve")

    page = viewer.get(page_of("payments_project.approval", approval.pk))

    assert page.status_code == 200
    assert address not in page.content.decode()
    assert viewer.post(address, {"reason": REASON}).status_code == 403
    clerk = staff_with("payments_project.view_approval", "disputes.approve_refund")
    assert "$2,000.00 refunded." in do(clerk, "payments_project.approval", approval.pk, "approve")


def test_a_limit_of_its_own_holds_for_its_currency(superuser, second, api):
    add = list_of("payments_project.approvallimit") + "add/"
    for form in (
        {"action": "refund", "currency": "CHF", "amount": "5.00"},
        {"action": "refund", "currency": "CHF", "amount": "5.001"},
        {"action": "refund", "currency": "CHF", "amount": "-1"},
        {"action": "theft", "currency": "CHF", "amount": "5"},
        {"action": "refund", "currency": "XXX", "amount": "5"},
    ):
        assert superuser.post(add, form).status_code in (200, 302)
    (limit,) = ApprovalLimit.objects.filter(currency="CHF")
    assert (limit.action, limit.amount) == ("refund", 500)
    assert [entry.action for entry in audit_of(limit.pk)] == ["approval_limit.created"]
    paid = api.paid(amount=5000, currency="CHF")["id"]

    assert "approve" in do(superuser, PAYMENT, paid, "refund", amount="5.01", cause="other")
    assert payment(paid).refunded_amount == 0
    do(superuser, PAYMENT, paid, "refund", amount="5", cause="other")

    assert payment(paid).refunded_amount == 500
    page = page_of("payments_project.approvallimit", limit.pk)
    assert 'value="5.00"' in superuser.get(page).content.decode()
    superuser.post(page, {"action": "refund", "currency": "CHF", "amount": "6"})
    limit.refresh_from_db()
    assert limit.amount == 600
    (_, change) = audit_of(limit.pk)
    assert (change.before, change.after) == ({"amount": 500}, {"amount": 600})


# Asking the gateway, and reviews.


def test_a_payment_in_doubt_is_asked_about(superuser, api, settings):
    doubtful = api.pay("4000000000006009", amount=1100).json()["id"]
    assert payment(doubtful).status == "pending"

    early = do(superuser, PAYMENT, doubtful, "ask")
    assert "may still be under way" in early
    settings.GATEWAY_TIMEOUT_SECONDS = 0
    settings.GATEWAY_LEASE_MARGIN_SECONDS = 0
    text = do(superuser, PAYMENT, doubtful, "ask")

    assert "The gateway was asked: the payment is succeeded." in text
    assert payment(doubtful).status == "succeeded"
    assert audit_actions(doubtful)[-1] == "transaction.gateway_asked"
    assert audit_books() == []


def test_a_payment_is_marked_for_review_and_cleared(superuser, second, api):
    paid = api.paid(amount=5000)["id"]

    do(superuser, PAYMENT, paid, "review", reason="Same card, five names")

    review = PaymentReview.objects.get(transaction_id=paid)
    assert (review.status, review.reason) == ("open", "Same card, five names")
    assert payment(paid).compliance_status == "review"
    assert api.get(f"/v1/transactions/{paid}").json()["compliance_status"] == "review"
    assert "five names" in second.get("/admin/?environment=test").content.decode()
    assert "does not allow that" in do(superuser, PAYMENT, paid, "review", reason="Again")

    do(second, "transactions.paymentreview", review.pk, "clear", reason="A family")

    review.refresh_from_db()
    assert (review.status, review.decided_by, review.decision_reason) == (
        "cleared", second.user.pk, "A family",
    )  # fmt: skip
    assert payment(paid).compliance_status == "cleared"
    assert [entry.action for entry in audit_of(review.pk)] == ["review.cleared"]
    assert "does not allow that" in do(
        second, "transactions.paymentreview", review.pk, "reject", reason="Late"
    )
    # Whoever has doubts again opens another.
    do(superuser, PAYMENT, paid, "review", reason="A sixth name")
    assert PaymentReview.objects.filter(transaction_id=paid).count() == 2


def test_each_act_needs_its_own_right(staff_with, api):
    held = api.paid(amount=5000, capture=False)["id"]
    paid = api.paid(amount=5000)["id"]
    rights = {
        "capture": ("transactions.capture_transaction", held),
        "cancel": ("transactions.cancel_transaction", held),
        "refund": ("disputes.refund_payment", paid),
        "review": ("transactions.review_transaction", paid),
    }
    for name, (right, key) in rights.items():
        others = [other for other, _ in rights.values() if other != right]
        without = staff_with("transactions.view_transaction", *others)
        address = act(PAYMENT, key, name)
        assert address not in without.get(page_of(PAYMENT, key)).content.decode()
        assert without.post(address, {"reason": REASON}).status_code == 403
        holder = staff_with("transactions.view_transaction", right)
        assert address in holder.get(page_of(PAYMENT, key)).content.decode()
        assert holder.get(address).status_code == 200
    assert audit_of(held) == audit_of(paid) == []


def test_many_payments_are_refunded_each_by_its_own_rules(superuser, api):
    small, large, spent = (api.paid(amount=amount)["id"] for amount in (5000, 200_000, 700))
    assert api.post("/v1/refunds", {"transaction": spent}).status_code == 201
    address = "/admin/transactions/transaction/bulk/refund/"
    chosen = {"_selected_action": [small, large, spent]}

    asked = superuser.post(address, chosen).content.decode()
    token = re.search(r'name="form_token" value="([^"]+)"', asked)[1]
    form = chosen | {"cause": "duplicate", "reason": REASON, "form_token": token}
    answer = superuser.post(address, form).content.decode()

    assert payment(small).status == "refunded"
    assert payment(large).refunded_amount == 0
    assert Approval.objects.get(object_id=large).amount == 200_000
    assert payment(spent).refunded_amount == 700
    assert "a colleague has to approve it" in answer.replace("&#x27;", "'")
    assert audit_actions(small) == ["transaction.refunded"]
    superuser.post(address, form)
    assert payment(small).refunded_amount == 5000
    assert Approval.objects.filter(object_id=large).count() == 1


def test_home_tells_whether_the_engines_and_the_workers_are_well(superuser, settings):
    home = superuser.get("/admin/").content.decode()
    assert "monitor_heart" in home
    settings.ELASTICSEARCH_URL = "http://127.0.0.1:9"
    assert "Elasticsearch is away" in superuser.get("/admin/").content.decode()
