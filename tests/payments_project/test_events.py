"""The event log: one row for each change, in its month, and nothing personal."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection

from disputes.models import Dispute
from merchants.models import ApiKey, Merchant
from merchants.services.change_status import change_merchant_status
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.models import Event
from tests.api_client import VISA, Api, new_key
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import MadeMerchant, make_merchant
from tests.payments_project.event_making import (
    RECORD,
    TYPES,
    close,
    disputed,
    events_of,
    taken,
    told,
)
from tests.payouts.making import give, let_bank_work, make_account
from tests.schema.rows import (
    APPLICATION,
    id_at,
    insert_row,
    make_months,
    rolled_back,
)

# Each change is told once


def test_customers_changes_are_told(api: Api) -> None:
    customer = taken(api, "customers", {"name": "Ada"})["id"]
    for body in ({"name": "Ada King"}, {"name": "Ada King"}, {}, {"nickname": "x"}):
        api.patch(f"/v1/customers/{customer}", body)
    for _ in range(2):
        api.delete(f"/v1/customers/{customer}")

    assert told(customer) == ["customer.created", "customer.updated", "customer.deleted"]


def test_keys_changes_are_told(api: Api) -> None:
    body = {"name": "till", "type": "secret", "permissions": ["balance:read"]}
    old = taken(api, "api_keys", body)["id"]
    new = taken(api, f"api_keys/{old}/rotate", {"overlap_seconds": 60})["id"]
    for _ in range(2):
        taken(api, f"api_keys/{old}/revoke")

    assert told(old) == ["api_key.created", "api_key.rotated", "api_key.revoked"]
    assert told(new) == ["api_key.created"]
    assert [event.payload["object"]["is_active"] for event in events_of(old)] == [True, True, False]


def test_payment_methods_changes_are_told(api: Api) -> None:
    customer = taken(api, "customers")["id"]
    token = api.card()
    for _ in range(2):
        taken(api, f"payment_methods/{token}/attach", {"customer": customer})

    def again(**card: int) -> None:
        body = {"type": "card", "card": {"number": VISA, **card}, "customer": customer}
        assert taken(api, "payment_methods", body)["id"] == token

    again(exp_month=12, exp_year=2034)
    again(exp_month=1, exp_year=2035)
    for _ in range(2):
        taken(api, f"payment_methods/{token}/detach")
    again(exp_month=1, exp_year=2035)

    assert told(token) == [
        "payment_method.created",
        "payment_method.attached",
        "payment_method.updated",
        "payment_method.detached",
        "payment_method.attached",
    ]
    previous = [event.payload.get("previous_attributes") for event in events_of(token)]
    assert previous[:2] == [None, {"customer": None}]
    assert previous[3] == {"customer": customer, "is_active": True}


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (VISA, "succeeded"),
        ("4000000000000002", "failed"),
        ("4100000000000019", "failed"),
        ("4000000000006025", "failed"),
        ("4000000000006033", "captured"),
    ],
)
def test_payments_outcome_is_told(api: Api, number: str, state: str) -> None:
    api.pay(number)

    (payment,) = api.get("/v1/transactions").json()["data"]
    assert told(payment["id"]) == ["transaction.created", f"transaction.{state}"]
    created, outcome = events_of(payment["id"])
    assert created.payload["object"]["status"] == "pending"
    assert "previous_attributes" not in created.payload
    assert outcome.payload["object"]["status"] == state
    assert outcome.payload["previous_attributes"] == {"status": "pending"}


def test_payment_whose_outcome_is_unknown_has_none_told(api: Api) -> None:
    assert told(api.paid("4000000000006009")["id"]) == ["transaction.created"]


def test_payments_later_changes_are_told(api: Api) -> None:
    captured, voided = (api.paid(capture=False)["id"] for _ in range(2))
    for _ in range(2):
        api.post(f"/v1/transactions/{captured}/capture", {"amount": 600})
        api.post(f"/v1/transactions/{voided}/cancel")
    for _ in range(2):
        api.patch(f"/v1/transactions/{captured}", {"description": "Lamp"})
    confirmed = api.paid("4000000000006033")["id"]
    deliver_gateway_messages()

    begun = ["transaction.created", "transaction.authorized"]
    assert told(captured) == [*begun, "transaction.succeeded", "transaction.updated"]
    assert told(voided) == [*begun, "transaction.cancelled"]
    assert told(confirmed) == [
        "transaction.created",
        "transaction.captured",
        "transaction.succeeded",
    ]
    assert events_of(captured)[2].payload["object"]["captured_amount"] == 600


def test_refunds_and_what_they_do_to_the_payment_are_told(api: Api) -> None:
    payment = api.paid()["id"]
    first, rest = (
        taken(api, "refunds", {"transaction": payment, "amount": amount})["id"]
        for amount in (300, 700)
    )
    api.post("/v1/refunds", {"transaction": payment, "amount": 1})

    for refund in (first, rest):
        assert told(refund) == ["refund.created", "refund.succeeded"]
    paid = ["transaction.created", "transaction.succeeded"]
    assert told(payment) == [*paid, "transaction.refunded"]
    assert (
        Event.objects.filter(merchant_id=api.scope.merchant_id, type="refund.created").count() == 2
    )

    pending, failing = api.paid("4000000000007726")["id"], api.paid("4000000000005126")["id"]
    late = taken(api, "refunds", {"transaction": pending})["id"]
    back = taken(api, "refunds", {"transaction": failing})["id"]
    assert told(late) == ["refund.created"]
    deliver_gateway_messages()
    assert told(late) == ["refund.created", "refund.succeeded"]
    assert told(back) == ["refund.created", "refund.succeeded", "refund.failed"]
    assert told(pending) == [*paid, "transaction.refunded"]
    assert told(failing) == [*paid, "transaction.refunded", "transaction.succeeded"]


def test_disputes_and_what_they_do_to_the_payment_are_told(api: Api) -> None:
    (won, won_dispute), (lost, lost_dispute) = (disputed(api, "4000000000000259") for _ in range(2))
    asked, inquiry = disputed(api, "4000000000001976")
    close(won_dispute, "won")
    close(lost_dispute, "lost")
    close(inquiry, "warning_closed")

    paid = ["transaction.created", "transaction.succeeded"]
    assert told(won) == [*paid, "transaction.disputed", "transaction.succeeded"]
    assert told(lost) == [*paid, "transaction.disputed"]
    assert told(asked) == paid
    opened = ["dispute.created", "dispute.funds_withdrawn", "dispute.closed"]
    assert told(won_dispute) == [*opened, "dispute.funds_reinstated"]
    assert told(lost_dispute) == opened
    assert told(inquiry) == ["dispute.created", "dispute.closed"]


def test_recorded_payment_is_told_with_its_refund(api: Api) -> None:
    refund = {"amount": 1000, "reason": "broken"}
    payment = taken(api, "transactions/record", {**RECORD, "refund": refund})["id"]

    assert told(payment) == [
        "transaction.created",
        "transaction.succeeded",
        "transaction.refunded",
    ]
    (made,) = api.get("/v1/refunds", transaction=payment).json()["data"]
    assert told(made["id"]) == ["refund.created", "refund.succeeded"]
    # All or nothing: one transaction wrote them.
    assert len({event.xid for event in events_of(payment) + events_of(made["id"])}) == 1


def test_merchants_changes_are_told_to_its_live_side() -> None:
    merchant = make_merchant().id
    for status in ("suspended", "active"):
        run_in_transaction(
            lambda status=status: change_merchant_status(  # type: ignore[misc]
                merchant_id=merchant, status=status, actor=SYSTEM
            )
        )

    assert told(merchant) == ["merchant.updated"] * 3
    events = events_of(merchant)
    assert {(event.merchant_id, event.environment) for event in events} == {(merchant, "live")}
    assert [event.payload["object"]["status"] for event in events] == [
        "active",
        "suspended",
        "active",
    ]
    assert events[1].payload["previous_attributes"] == {"status": "active"}


def test_repeated_key_tells_nothing_twice(api: Api) -> None:
    key = new_key()
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card()}
    (payment,) = {api.post("/v1/transactions", body, key=key).json()["id"] for _ in range(3)}

    assert told(payment) == ["transaction.created", "transaction.succeeded"]


def test_cause_stands_with_the_event(api: Api) -> None:
    key = new_key()
    response = api.pay(key=key)
    caller = ApiKey.objects.get(key_prefix=api.key[:16]).pk

    for event in events_of(response.json()["id"]):
        assert (event.aggregatetype, event.merchant_id, event.environment) == (
            "transaction",
            api.scope.merchant_id,
            "test",
        )
        assert (event.actor_kind, event.actor_id) == ("api_key", caller)
        assert (event.request_id, event.idempotency_key) == (response.headers["Request-Id"], key)
        assert {"id": response.json()["id"], "object": "transaction", "environment": "test"} == {
            name: event.payload["object"][name] for name in ("id", "object", "environment")
        }


# What is in it

CANARIES = {
    "email": "ada.canary@analytical.test",
    "phone": "+44 20 7946 0958",
    "name": "Canary Lovelace",
    "birth_date": "1915-12-10",
}
HIDDEN = [
    "canary",
    "7946 0",
    "1915-12-10",
    "can 4ry",
    "4000000000000259",
    '"973"',
    "cvc",
    "203.0.113.77",
]


def test_no_event_holds_what_is_personal_or_secret(api: Api) -> None:
    address = {"line1": "Canary Wharf 1", "city": "Canaryville", "postal_code": "CAN 4RY"}
    notes = {"description": "canary lamp", "metadata": {"canary": "canary"}}
    body = {**CANARIES, "address": address, "metadata": {"canary": "canary"}}
    customer = taken(api, "customers", body)["id"]
    api.patch(f"/v1/customers/{customer}", {"name": "Canary King", "phone": "+44 20 7946 0000"})
    key = taken(api, "api_keys", {"name": "n", "type": "secret", "permissions": ["balance:read"]})
    new = taken(api, f"api_keys/{key['id']}/rotate")
    card = {
        "number": "4000000000000259",
        "exp_month": 12,
        "exp_year": 2034,
        "cvc": "973",
        "holder_name": "Canary Lovelace",
    }
    token = taken(api, "payment_methods", {"type": "card", "card": card, "customer": customer})
    payment = taken(
        api,
        "transactions",
        {
            "amount": 1000,
            "currency": "USD",
            "payment_method": token["id"],
            "cvc": "973",
            "ip_address": "203.0.113.77",
            **notes,
        },
    )["id"]
    api.patch(f"/v1/transactions/{payment}", {"description": "canary shade"})
    deliver_gateway_messages()
    close(str(Dispute.objects.get(transaction_id=payment).pk), "won")
    refund = {"transaction": payment, "reason": "canary broke", "metadata": {"canary": "c"}}
    taken(api, "refunds", refund)
    taken(api, "transactions/record", {**RECORD, **notes, "customer": customer})
    give(api.scope, 100_000)
    make_account(api.scope, holder="Canary Lovelace")
    taken(api, "payouts", {"amount": 1, "currency": "USD", "description": "canary rent"})
    let_bank_work()
    api.delete(f"/v1/customers/{customer}")
    hooks = {"url": "https://canary.example/canary-token", "description": "canary hooks"}
    taken(api, "webhook_endpoints", hooks)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, lower(e::text) FROM events AS e WHERE merchant_id = %s",
            [api.scope.merchant_id],
        )
        events = cursor.fetchall()
    assert {kind.split(".")[0] for kind, _ in events} == set(TYPES)
    secrets = [secret[16:].lower() for secret in (key["secret"], new["secret"], api.key)]
    found = {(kind, word) for kind, text in events for word in [*HIDDEN, *secrets] if word in text}
    assert found == set()


def test_account_is_told_without_its_people() -> None:
    details = {
        "legal_name": "Canary Holdings",
        "tax_id": "CANARY-77",
        "phone": "+44 20 7946 0958",
        "website": "https://canary.test",
        "address": {"city": "Canaryville"},
    }
    merchant = make_merchant(**details).id

    (event,) = events_of(merchant)

    assert event.payload["object"] == {
        "id": str(merchant),
        "object": "merchant",
        "environment": "live",
        "business_name": "Corner Shop",
        "status": "active",
        "settlement_currency": "USD",
        "settlement_delay_days": 2,
    }
    assert Merchant.objects.get(pk=merchant).event_sequence == 1


def test_no_type_is_written_that_the_contract_does_not_name() -> None:
    """Of all that the tests before it have done too."""
    named = {f"{kind}.{act}" for kind, acts in TYPES.items() for act in acts.split()}
    taken_types = Event.objects.values_list("type", flat=True).distinct()
    assert set(taken_types) - named == set()


# Where it is kept


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{{}}' WHERE aggregateid = %s",
        "DELETE FROM events WHERE aggregateid = %s",
        "UPDATE {month} SET payload = '{{}}' WHERE aggregateid = %s",
        "DELETE FROM {month} WHERE aggregateid = %s",
    ],
)
def test_event_is_neither_changed_nor_deleted(merchant: MadeMerchant, statement: str) -> None:
    (event,) = events_of(merchant.id)
    month = f"events_{event.created_at:%Y_%m}"

    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement.format(month=month), [str(merchant.id)])

    assert events_of(merchant.id)[0].payload == event.payload


def test_event_lies_in_its_month(api: Api) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    payment = api.paid()["id"]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text, created_at FROM events WHERE aggregateid = %s",
            [payment],
        )
        rows = cursor.fetchall()
    assert len(rows) == 2
    for table, created_at in rows:
        assert before <= created_at <= datetime.now(UTC) + timedelta(seconds=1)
        assert table == f"events_{created_at:%Y_%m}"


def test_month_ends_where_the_next_begins() -> None:
    begins = datetime(2107, 3, 1, tzinfo=UTC)
    moments = [begins - timedelta(milliseconds=1), begins]
    with rolled_back(APPLICATION) as application:
        make_months(application, "events", "2107-02-01", "2107-03-01")
        ids = [insert_row(application, "events", id=id_at(moment)) for moment in moments]
        rows = application.execute(
            "SELECT tableoid::regclass::text, created_at FROM events WHERE id = ANY(%s)"
            " ORDER BY id",
            [ids],
        ).fetchall()
    assert rows == [("events_2107_02", moments[0]), ("events_2107_03", moments[1])]
