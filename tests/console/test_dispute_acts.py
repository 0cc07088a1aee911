"""Disputes in the console: opened, answered, accepted and decided, each with a right of its own and
on record; evidence is shown on request alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from disputes.models import Dispute, EvidenceFile
from disputes.services.audit_books import audit_books
from payments_project.events.models import Event
from payments_project.staff.models import AuditEntry
from tests.api_client import Api
from tests.console.acting import REASON, act, audit_of, do
from tests.console.test_pages import page_of
from tests.disputes.disputing import PDF, PNG, answer, disputed, due, uploaded
from tests.gateway_messages import deliver_gateway_messages
from transactions.balances import fold_balances
from transactions.gateways.simulator.disputes import raise_dispute

DISPUTE = "disputes.dispute"
PAYMENT = "transactions.transaction"
TODAY = datetime.now(UTC).date


def read(api: Api, dispute: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/disputes/{dispute['id']}").json()
    return found


def recorded(api: Api) -> dict[str, Any]:
    """A payment taken elsewhere, whose disputes no gateway tells of."""
    made: dict[str, Any] = api.post(
        "/v1/transactions/record",
        {
            "amount": 1000,
            "currency": "USD",
            "payment_method_type": "terminal",
            "external_reference": "T-1",
        },
    ).json()
    return made


def opened(client: Client, payment: dict[str, Any], **more: Any) -> Dispute:
    values = {
        "dispute_type": "chargeback",
        "reason_code": "duplicate",
        "amount": "6.00",
        "due_date": str(TODAY() + timedelta(days=9)),
        **more,
    }
    page = do(client, PAYMENT, payment["id"], "open-dispute", **values)
    assert "The dispute is open" in page
    return Dispute.objects.get(transaction_id=payment["id"])


def test_staff_open_a_dispute_on_a_payment(superuser: Client, api: Api) -> None:
    payment = recorded(api)

    dispute = opened(superuser, payment, gateway_dispute_id=f"case-{uuid4().hex}")

    assert (dispute.amount, dispute.held_amount, dispute.fee_amount) == (600, 0, 1500)
    assert (dispute.reason_code, dispute.is_at_gateway) == ("duplicate", False)
    assert dispute.due_date == TODAY() + timedelta(days=9)
    assert api.transaction(payment["id"])["status"] == "disputed"
    assert api.balance() == {"pending": 0, "available": -1500, "reserved": 1500}
    (entry,) = audit_of(dispute.pk)
    assert (entry.action, entry.staff_user_id, entry.reason) == (
        "dispute.opened", superuser.user.pk, REASON,
    )  # fmt: skip
    event = Event.objects.get(aggregateid=str(dispute.pk), type="dispute.created")
    assert (event.actor_kind, event.actor_id) == ("staff", superuser.user.pk)
    fold_balances()
    assert audit_books() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "10.01"},
        {"amount": "0"},
        {"amount": "1.234"},
        {"due_date": "2020-01-01"},
        {"due_date": "soon"},
        {"dispute_type": "complaint"},
        {"reason_code": "boredom"},
        {"gateway_dispute_id": "x" * 101},
        {"reason": ""},
    ],
)
def test_a_dispute_with_a_fault_is_not_opened(
    superuser: Client, api: Api, wrong: dict[str, str]
) -> None:
    payment = recorded(api)
    values = {
        "dispute_type": "chargeback", "reason_code": "general", "amount": "6.00",
        "due_date": str(TODAY()), **wrong,
    }  # fmt: skip
    page = do(superuser, PAYMENT, payment["id"], "open-dispute", **values)
    assert 'class="c-error"' in page
    assert not Dispute.objects.filter(transaction_id=payment["id"]).exists()


def test_the_networks_id_is_known_once_and_by_the_gateway_too(superuser: Client, api: Api) -> None:
    payment = api.paid("4000000000000077", amount=1000)
    network_id = f"sim_dp_{uuid4().hex}"
    dispute = opened(superuser, payment, amount="10.00", gateway_dispute_id=network_id)
    other = recorded(api)
    page = do(
        superuser, PAYMENT, other["id"], "open-dispute", dispute_type="inquiry",
        reason_code="general", amount="1.00", due_date=str(TODAY()), gateway_dispute_id=network_id,
    )  # fmt: skip
    assert "There is a dispute of that id" in page

    raise_dispute(charge=UUID(payment["id"]), amount=1000, dispute=network_id)
    deliver_gateway_messages()

    dispute.refresh_from_db()
    assert dispute.is_at_gateway is True
    assert Dispute.objects.filter(transaction_id=payment["id"]).count() == 1
    assert audit_books() == []


def test_staff_answer_for_the_merchant(superuser: Client, api: Api) -> None:
    dispute = disputed(api)
    page = superuser.get(page_of(DISPUTE, dispute["id"])).content.decode()
    assert "Still missing: fraudulent" in page
    assert "14 d left" in page

    staged = do(
        superuser, DISPUTE, dispute["id"], "answer",
        customer_name="Ada Byron", shipping_date="2026-01-31", merchant_response="It was her.",
        customer_signature=SimpleUploadedFile("signature.png", PNG),
    )  # fmt: skip

    assert "The evidence is staged" in staged
    told = read(api, dispute)
    file = told["evidence"].pop("customer_signature")
    assert told["evidence"] == {"customer_name": "Ada Byron", "shipping_date": "2026-01-31"}
    assert told["merchant_response"] == "It was her."
    assert EvidenceFile.objects.get(pk=file).created_by == superuser.user.pk
    assert api.get(f"/v1/files/{file}/contents").content == PNG
    again = do(superuser, DISPUTE, dispute["id"], "answer", remove="shipping_date")
    assert "is staged" in again
    assert "shipping_date" not in read(api, dispute)["evidence"]

    assert "is submitted" in do(superuser, DISPUTE, dispute["id"], "submit")

    assert read(api, dispute)["status"] == "under_review"
    actions = [entry.action for entry in audit_of(dispute["id"])]
    assert actions == ["dispute.answered", "dispute.answered", "dispute.submitted"]
    # Neither the trail nor the page repeats what was said.
    page = superuser.get(page_of(DISPUTE, dispute["id"])).content.decode()
    assert "Submitted, once and for all" in page
    for text in (page, *(str(vars(entry)) for entry in audit_of(dispute["id"]))):
        assert "Ada Byron" not in text
        assert "It was her." not in text


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"customer_email_address": "nobody"},
        {"customer_purchase_ip": "here"},
        {"service_date": "soon"},
        {"uncategorized_text": "4242 4242 4242 4242"},
        {"uncategorized_text": "a\0b"},
        {"customer_name": "x" * 501},
        {"receipt": SimpleUploadedFile("a.pdf", b"<html>")},
        {"receipt": SimpleUploadedFile("a.pdf", PDF + b"\n" * 5 * 1024 * 1024)},
        {"receipt": SimpleUploadedFile("4242424242424242.pdf", PDF)},
        {"customer_name": "Ada", "reason": ""},
    ],
)
def test_evidence_with_a_fault_is_not_staged(
    superuser: Client, api: Api, wrong: dict[str, Any]
) -> None:
    dispute = disputed(api)
    for value in wrong.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)

    page = do(superuser, DISPUTE, dispute["id"], "answer", **wrong)

    assert 'class="c-error"' in page
    assert read(api, dispute) == dispute
    assert not EvidenceFile.objects.filter(merchant_id=api.scope.merchant_id).exists()
    assert audit_of(dispute["id"]) == []


def test_evidence_is_shown_on_request_and_on_record(
    superuser: Client, staff_with: Any, api: Api
) -> None:
    dispute = disputed(api)
    evidence = {"customer_name": "Ada Byron", "receipt": uploaded(api, filename="bill.pdf")}
    answer(api, dispute, {"evidence": evidence, "merchant_response": "She <b>signed</b>."})
    link = reverse("admin:disputes_dispute_file", args=[dispute["id"], "receipt"])
    viewer = staff_with("disputes.view_dispute", "disputes.answer_dispute")
    page = viewer.get(page_of(DISPUTE, dispute["id"])).content.decode()
    assert "PDF, 1 kB" in page
    for text in ("Ada Byron", "bill.pdf", link):
        assert text not in page
    assert viewer.get(link).status_code == 403
    assert (
        viewer.post(act(DISPUTE, dispute["id"], "evidence"), {"reason": REASON}).status_code == 403
    )
    form = viewer.get(act(DISPUTE, dispute["id"], "answer")).content.decode()
    assert "Ada Byron" not in form

    shown = superuser.post(act(DISPUTE, dispute["id"], "evidence"), {"reason": REASON})

    text = shown.content.decode()
    for words in ("Ada Byron", "bill.pdf", link, "She &lt;b&gt;signed&lt;/b&gt;."):
        assert words in text
    assert "no-store" in shown.headers["Cache-Control"]
    (entry,) = audit_of(dispute["id"])
    assert (entry.action, entry.after) == (
        "dispute.evidence_revealed", {"shown": ["customer_name", "receipt"]},
    )  # fmt: skip
    opened_ = superuser.get(link)
    assert (opened_.status_code, opened_.content) == (200, PDF)
    assert opened_.headers["Content-Disposition"].startswith("attachment")
    assert opened_.headers["X-Content-Type-Options"] == "nosniff"
    last = audit_of(dispute["id"])[-1]
    assert (last.action, last.staff_user_id) == ("dispute.file_opened", superuser.user.pk)
    assert superuser.get(link.replace("receipt", "refund_policy")).status_code == 404
    assert staff_with("disputes.reveal_evidence").get(link).status_code == 403


def test_staff_accept_a_dispute(superuser: Client, api: Api) -> None:
    dispute = disputed(api)

    assert "Accepted: the dispute is lost" in do(superuser, DISPUTE, dispute["id"], "accept")
    deliver_gateway_messages()

    assert read(api, dispute)["status"] == "lost"
    assert [entry.action for entry in audit_of(dispute["id"])] == ["dispute.accepted"]
    for name in ("accept", "answer", "submit", "decide", "ask"):
        answered = superuser.get(act(DISPUTE, dispute["id"], name))
        assert answered.status_code == 302, name
    fold_balances()
    assert audit_books() == []


@pytest.mark.parametrize(("outcome", "available"), [("won", 0), ("lost", -1500)])
def test_staff_record_the_end_that_no_gateway_tells(
    superuser: Client, api: Api, outcome: str, available: int
) -> None:
    dispute = opened(superuser, recorded(api))

    page = do(superuser, DISPUTE, dispute.pk, "decide", outcome=outcome)

    assert f"The dispute is {outcome}." in page
    assert api.balance() == {"pending": 0, "available": available, "reserved": 0}
    entry = audit_of(dispute.pk)[-1]
    assert (entry.action, entry.before, entry.after) == (
        "dispute.decided", {"status": "open"}, {"status": outcome},
    )  # fmt: skip
    fold_balances()
    assert audit_books() == []


def test_an_end_that_the_gateway_will_tell_needs_another_word(superuser: Client, api: Api) -> None:
    dispute = disputed(api)

    page = do(superuser, DISPUTE, dispute["id"], "decide", outcome="won")
    assert "Wait for the gateway" in page
    assert read(api, dispute)["status"] == "open"

    do(superuser, DISPUTE, dispute["id"], "decide", outcome="won", knows_better="on")
    assert read(api, dispute)["status"] == "won"
    assert audit_books() == []


def test_a_chargeback_can_not_be_closed_as_a_warning(superuser: Client, api: Api) -> None:
    dispute = opened(superuser, recorded(api))
    page = do(superuser, DISPUTE, dispute.pk, "decide", outcome="warning_closed")
    assert 'class="c-error"' in page
    dispute.refresh_from_db()
    assert dispute.status == "open"


def test_an_inquiry_of_staff_becomes_a_chargeback(superuser: Client, api: Api) -> None:
    dispute = opened(superuser, recorded(api), dispute_type="inquiry")
    do(superuser, DISPUTE, dispute.pk, "decide", outcome="warning_closed")
    assert api.balance()["reserved"] == 0

    page = do(superuser, DISPUTE, dispute.pk, "escalate", amount="4.00", due_date=str(TODAY()))

    assert "It is a chargeback now" in page
    dispute.refresh_from_db()
    assert (dispute.dispute_type, dispute.status, dispute.amount) == ("chargeback", "open", 400)
    assert api.balance()["reserved"] == 1500
    fold_balances()
    assert audit_books() == []


def test_what_the_gateway_decided_and_nobody_heard_is_asked_for(
    superuser: Client, api: Api
) -> None:
    from disputes.models import SimulatorDispute

    dispute = disputed(api)
    assert "has not decided" in do(superuser, DISPUTE, dispute["id"], "ask")
    SimulatorDispute.objects.filter(charge_id=dispute["transaction"]).update(status="won")

    assert "it is won" in do(superuser, DISPUTE, dispute["id"], "ask")

    assert read(api, dispute)["status"] == "won"
    assert [entry.after for entry in audit_of(dispute["id"])] == [
        {"status": "open"}, {"status": "won"},
    ]  # fmt: skip


def test_every_act_on_a_dispute_has_a_right_of_its_own(staff_with: Any, api: Api) -> None:
    dispute = disputed(api)
    answer(api, dispute, {"evidence": {"customer_name": "Ada"}})
    inquiry = opened_inquiry = Dispute.objects.get(pk=disputed(api, dispute_type="inquiry")["id"])
    Dispute.objects.filter(pk=opened_inquiry.pk).update(is_at_gateway=False)
    payment = recorded(api)
    viewer = staff_with("disputes.view_dispute", "transactions.view_transaction")
    rights = {
        "open-dispute": (PAYMENT, payment["id"], "open_dispute"),
        "answer": (DISPUTE, dispute["id"], "answer_dispute"),
        "submit": (DISPUTE, dispute["id"], "answer_dispute"),
        "evidence": (DISPUTE, dispute["id"], "reveal_evidence"),
        "accept": (DISPUTE, dispute["id"], "accept_dispute"),
        "decide": (DISPUTE, dispute["id"], "decide_dispute"),
        "ask": (DISPUTE, dispute["id"], "decide_dispute"),
        "escalate": (DISPUTE, inquiry.pk, "open_dispute"),
    }
    for name, (label, key, right) in rights.items():
        address = act(label, key, name)
        assert address not in viewer.get(page_of(label, key)).content.decode(), name
        assert viewer.get(address).status_code == 403, name
        assert viewer.post(address, {"reason": REASON}).status_code == 403, name
        allowed = staff_with(
            "disputes.view_dispute", "transactions.view_transaction", f"disputes.{right}"
        )
        assert address in allowed.get(page_of(label, key)).content.decode(), name
        assert allowed.get(address).status_code == 200, name
    assert not AuditEntry.objects.filter(object_id=dispute["id"]).exists()
    assert read(api, dispute)["status"] == "open"
    Dispute.objects.filter(pk=inquiry.pk).update(is_at_gateway=True)


def test_overdue_disputes_are_not_answered(superuser: Client, api: Api) -> None:
    dispute = disputed(api)
    due(dispute, TODAY() - timedelta(days=1))
    page = superuser.get(page_of(DISPUTE, dispute["id"])).content.decode()
    assert "overdue" in page
    assert "Still missing" not in page
    assert superuser.get(act(DISPUTE, dispute["id"], "answer")).status_code == 302
    due(dispute, TODAY() + timedelta(days=30))


def test_a_disputes_page_shows_the_customers_other_business(superuser: Client, api: Api) -> None:
    customer = api.post("/v1/customers", {"email": "ada@example.com"}).json()["id"]
    token = api.card(customer=customer)
    payments = [
        api.post(
            "/v1/transactions",
            {"amount": amount, "currency": "USD", "payment_method": token, "customer": customer},
        ).json()
        for amount in (1111, 2222)
    ]
    names = [raise_dispute(charge=UUID(one["id"]), amount=one["amount"]) for one in payments]
    deliver_gateway_messages()

    first = Dispute.objects.get(gateway_dispute_id=names[0])
    page = superuser.get(page_of(DISPUTE, first.pk)).content.decode()

    second = Dispute.objects.get(gateway_dispute_id=names[1])
    assert page_of(PAYMENT, payments[1]["id"]) in page
    assert page_of(DISPUTE, second.pk) in page
