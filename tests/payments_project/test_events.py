"""The event log: one row for each change, in its transaction, in order, and nothing personal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from disputes.models import Dispute
from disputes.services.close_dispute import close_dispute
from merchants.models import ApiKey, Customer, Merchant
from merchants.services.change_status import change_merchant_status
from merchants.services.create_customer import create_customer
from merchants.services.update_customer import update_customer
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.models import Event
from payments_project.events.record import record_event
from payments_project.models import IdempotencyKey
from tests.api_client import VISA, Api, new_key
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import MadeMerchant, make_merchant
from tests.schema.rows import (
    APPLICATION,
    OWNER,
    connect,
    id_at,
    insert_row,
    make_months,
    one,
    rolled_back,
)
from tests.threads import at_once
from transactions.balances import fold_balances
from transactions.models import LedgerEntry, Transaction
from transactions.services.settle import settle_merchant

RECORD = {
    "amount": 1000,
    "currency": "USD",
    "payment_method_type": "cash",
    "external_reference": "receipt 7",
}
NOTE = {"description": "Lamp", "metadata": {"a": "b"}}
CARD = {"type": "card", "card": {"number": VISA, "exp_month": 12, "exp_year": 2034}}
# What the API contract names.
TYPES = {
    "transaction": "created authorized captured succeeded failed cancelled refunded disputed"
    " updated",
    "refund": "created succeeded failed cancelled",
    "dispute": "created updated evidence_submitted closed funds_withdrawn funds_reinstated",
    "payment_method": "created attached detached updated expiring",
    "customer": "created updated deleted",
    "api_key": "created rotated revoked",
    "merchant": "updated",
}


class Undone(Exception):
    """Ends a transaction that is to be rolled back."""


def events_of(identity: object) -> list[Event]:
    """One object's events in the order in which a reader takes them."""
    return list(Event.objects.filter(aggregateid=str(identity)).order_by("position"))


def told(identity: object) -> list[str]:
    """The types of one object's events; their numbers are checked on the way."""
    events = events_of(identity)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events]


def taken(api: Api, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a POST that is expected to be taken."""
    response = api.post(f"/v1/{path}", body)
    assert response.status_code in (200, 201), response.text
    answer: dict[str, Any] = response.json()
    return answer


def disputed(api: Api, number: str) -> tuple[str, str]:
    """A payment that was disputed, and its dispute: their ids."""
    payment = api.paid(number)["id"]
    deliver_gateway_messages()
    return payment, str(Dispute.objects.get(transaction_id=payment).pk)


def close(dispute_id: str, status: str) -> None:
    run_in_transaction(
        lambda: close_dispute(dispute_id=UUID(dispute_id), status=status, actor=SYSTEM)
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

    assert told(payment) == ["transaction.created", "transaction.refunded"]
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


# In the transaction of the change


def test_money_moves_in_the_transaction_that_tells_it(api: Api) -> None:
    """The balance is its ledger entries: each is written with the event that tells its cause."""
    payment, dispute = disputed(api, "4000000000000259")
    close(dispute, "won")
    refund = taken(api, "refunds", {"transaction": payment})["id"]

    def moved_with(identity: str, kind: str) -> set[str]:
        (event,) = (event for event in events_of(identity) if event.type == kind)
        return {entry.type for entry in entries if entry.xid == event.xid}

    entries = list(LedgerEntry.objects.filter(transaction_id=payment))
    paid = events_of(payment)[1]
    assert paid.type == "transaction.succeeded"
    assert {entry.type for entry in entries if entry.xid == paid.xid} == {"payment", "fee"}
    assert moved_with(dispute, "dispute.funds_withdrawn") == {"dispute_hold"}
    assert moved_with(dispute, "dispute.funds_reinstated") == {"dispute_release"}
    assert moved_with(refund, "refund.succeeded") == {"refund"}
    assert moved_with(refund, "refund.created") == set()
    xids = {event.xid for event in Event.objects.filter(merchant_id=api.scope.merchant_id)}
    assert {entry.xid for entry in entries} <= xids


def test_settlement_moves_money_and_tells_nothing(api: Api) -> None:
    """No event type stands for it: ``balance/entries`` tells when money becomes available."""
    api.paid(amount=1000)
    before = Event.objects.filter(merchant_id=api.scope.merchant_id).count()
    fold_balances()
    day = datetime.now(UTC).date() + timedelta(days=2)
    assert settle_merchant(scope=api.scope, currency="USD", today=day) == 1

    assert api.balance() == {"pending": 0, "available": 941, "reserved": 0}
    assert Event.objects.filter(merchant_id=api.scope.merchant_id).count() == before


@contextmanager
def refusing(api: Api, kind: str) -> Iterator[None]:
    """While it lasts, the log takes no event of that type from the merchant."""
    name = f"refuse_{uuid4().hex}"
    with connect(OWNER, autocommit=True) as owner:
        owner.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " AS $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$"
        )
        owner.execute(
            sql.SQL(
                "CREATE TRIGGER {name} BEFORE INSERT ON events FOR EACH ROW"
                " WHEN (NEW.merchant_id = {merchant} AND NEW.type = {kind})"
                " EXECUTE FUNCTION {name}()"
            ).format(
                name=sql.Identifier(name),
                merchant=sql.Literal(str(api.scope.merchant_id)),
                kind=sql.Literal(kind),
            )
        )
        try:
            yield
        finally:
            owner.execute(f"DROP TRIGGER {name} ON events")
            owner.execute(f"DROP FUNCTION {name}()")


def test_change_that_cannot_be_told_is_not_made(api: Api) -> None:
    customer = taken(api, "customers", {"name": "Ada"})
    key = taken(api, "api_keys", {"name": "n", "type": "secret", "permissions": ["balance:read"]})
    token = api.card()
    payment = api.paid()
    customer_path, key_path = f"/v1/customers/{customer['id']}", f"/v1/api_keys/{key['id']}"
    acts: list[tuple[str, Callable[[], Any]]] = [
        ("customer.created", lambda: api.post("/v1/customers", {})),
        ("customer.updated", lambda: api.patch(customer_path, {"name": "Eve"})),
        ("customer.deleted", lambda: api.delete(customer_path)),
        ("api_key.created", lambda: api.post(f"{key_path}/rotate")),
        ("api_key.rotated", lambda: api.post(f"{key_path}/rotate")),
        ("api_key.revoked", lambda: api.post(f"{key_path}/revoke")),
        ("payment_method.created", lambda: api.post("/v1/payment_methods", CARD)),
        ("payment_method.detached", lambda: api.post(f"/v1/payment_methods/{token}/detach")),
        ("transaction.updated", lambda: api.patch(f"/v1/transactions/{payment['id']}", NOTE)),
        ("refund.created", lambda: api.post("/v1/refunds", {"transaction": payment["id"]})),
        ("transaction.created", lambda: api.post("/v1/transactions/record", RECORD)),
        ("transaction.succeeded", lambda: api.post("/v1/transactions/record", RECORD)),
    ]
    lists = ("customers", "api_keys", "payment_methods", "transactions", "refunds")
    entries = LedgerEntry.objects.filter(merchant_id=api.scope.merchant_id)

    def everything() -> list[Any]:
        return [
            *(api.get(f"/v1/{name}", limit=100).json()["data"] for name in lists),
            api.balance(),
            entries.count(),
            Event.objects.filter(merchant_id=api.scope.merchant_id).count(),
        ]

    before = everything()
    for kind, act in acts:
        with refusing(api, kind):
            api.error(act(), 500, "internal_error")
        assert everything() == before, kind


def test_payment_that_cannot_be_told_is_not_begun(api: Api) -> None:
    key = new_key()
    with refusing(api, "transaction.created"):
        api.error(api.pay(key=key), 500, "internal_error")

    assert api.get("/v1/transactions").json()["data"] == []
    assert not IdempotencyKey.objects.filter(key=key).exists()


def test_outcome_that_cannot_be_told_is_left_to_be_found_out(api: Api) -> None:
    key = new_key()
    with refusing(api, "transaction.succeeded"):
        api.error(api.pay(key=key), 500, "internal_error")

    (payment,) = api.get("/v1/transactions").json()["data"]
    assert payment["status"] == "pending"
    assert not LedgerEntry.objects.filter(transaction_id=payment["id"]).exists()
    assert IdempotencyKey.objects.get(key=key).recovery_point == "started"
    assert told(payment["id"]) == ["transaction.created"]


def test_rolled_back_change_leaves_no_event_and_no_gap(merchant: MadeMerchant) -> None:
    scope = merchant.scope()
    customer = run_in_transaction(lambda: create_customer(scope=scope, actor=SYSTEM))

    def change(email: str, *, number: int) -> None:
        changed = update_customer(
            scope=scope, customer_id=customer.pk, changes={"email": email}, actor=SYSTEM
        )
        assert changed.event_sequence == number

    def change_in_vain(*, number: int) -> None:
        with transaction.atomic():
            change("undone@shop.test", number=number)
            raise Undone

    for _ in range(3):
        with pytest.raises(Undone):
            change_in_vain(number=2)
    with transaction.atomic():
        change("kept@shop.test", number=2)
        with pytest.raises(Undone):
            change_in_vain(number=3)
    run_in_transaction(lambda: change("last@shop.test", number=3))

    assert told(customer.pk) == ["customer.created", "customer.updated", "customer.updated"]
    assert Customer.objects.get(pk=customer.pk).event_sequence == 3


def test_event_outside_a_transaction_or_of_nothing_is_refused(merchant: MadeMerchant) -> None:
    customer = run_in_transaction(lambda: create_customer(scope=merchant.scope(), actor=SYSTEM))
    nobody = Customer(id=uuid4(), merchant_id=merchant.id, environment="test")

    with pytest.raises(RuntimeError, match="in the transaction of the change"):
        record_event(aggregate=customer, type="customer.updated", data={}, actor=SYSTEM)
    with pytest.raises(RuntimeError, match="not in the database"), transaction.atomic():
        record_event(aggregate=nobody, type="customer.updated", data={}, actor=SYSTEM)

    assert told(customer.pk) == ["customer.created"]
    assert told(nobody.pk) == []


# In order


def test_numbers_have_no_gap_with_eight_writers_over_http(api: Api) -> None:
    payment = api.paid()["id"]

    responses = at_once(
        8,
        lambda n: [
            api.patch(f"/v1/transactions/{payment}", {"metadata": {f"{n} {i}": "x"}})
            for i in range(4)
        ],
    )

    assert {response.status_code for mine in responses for response in mine} == {200}
    assert told(payment) == [
        "transaction.created",
        "transaction.succeeded",
        *["transaction.updated"] * 32,
    ]
    assert len({event.xid for event in events_of(payment)}) == 34
    assert Transaction.objects.get(pk=payment).event_sequence == 34


def test_numbers_have_no_gap_with_eight_refunds_at_once(api: Api) -> None:
    payment = api.paid(amount=800)["id"]

    responses = at_once(
        8, lambda _: api.post("/v1/refunds", {"transaction": payment, "amount": 100})
    )

    assert [response.status_code for response in responses] == [201] * 8
    for response in responses:
        assert told(response.json()["id"]) == ["refund.created", "refund.succeeded"]
    assert told(payment) == [
        "transaction.created",
        "transaction.succeeded",
        "transaction.refunded",
    ]


def test_numbers_have_no_gap_where_some_writers_roll_back(merchant: MadeMerchant) -> None:
    customer = run_in_transaction(lambda: create_customer(scope=merchant.scope(), actor=SYSTEM)).pk

    def write(number: int) -> None:
        for turn in range(4):
            with suppress(Undone), transaction.atomic():
                update_customer(
                    scope=merchant.scope(),
                    customer_id=customer,
                    changes={"email": f"{number}.{turn}@shop.test"},
                    actor=Actor("staff", uuid4()),
                )
                if number % 2:
                    raise Undone

    at_once(8, write)

    assert told(customer) == ["customer.created", *["customer.updated"] * 16]


def test_position_is_drawn_by_the_database_alone() -> None:
    with rolled_back(APPLICATION) as application:
        with pytest.raises(psycopg.errors.GeneratedAlways), application.transaction():
            insert_row(application, "events", position=1)
        first, second = (insert_row(application, "events") for _ in range(2))
        positions = application.execute(
            "SELECT position FROM events WHERE id IN (%s, %s) ORDER BY id", [first, second]
        ).fetchall()
        highest = one(application, "SELECT max(position) FROM events")
    assert [position for (position,) in positions] == [highest - 1, highest]


def test_xid_is_the_transaction_that_wrote_the_event(api: Api) -> None:
    with rolled_back(APPLICATION) as application:
        event = insert_row(application, "events")
        assert one(
            application, "SELECT xid = pg_current_xact_id() FROM events WHERE id = %s", [event]
        )
    payment = api.paid()["id"]
    created, succeeded = events_of(payment)
    assert isinstance(created.xid, int)
    assert created.xid < succeeded.xid
    with connection.cursor() as cursor:
        # A row's xmin is the low half of the transaction's id.
        cursor.execute(
            "SELECT xmin::text::bigint, (xid::text::bigint & 4294967295) FROM events"
            " WHERE aggregateid = %s",
            [payment],
        )
        rows = cursor.fetchall()
        cursor.execute("SELECT xmin::text::bigint FROM transactions WHERE id = %s", [payment])
        (row_xmin,) = cursor.fetchone()
    assert len(rows) == 2
    assert all(xmin == low for xmin, low in rows)
    assert row_xmin == succeeded.xid & 0xFFFFFFFF


# docs: what a new snapshot sees and the last one did not, in the order of their positions.
UNREAD = """
    SELECT array_agg(aggregateid ORDER BY position) FROM events
     WHERE merchant_id = %s AND xid >= pg_snapshot_xmin(%s::pg_snapshot)
       AND NOT pg_visible_in_snapshot(xid, %s::pg_snapshot)
"""


def test_slow_writer_is_not_missed_by_a_reader() -> None:
    merchant = uuid4()

    def read(last: str) -> tuple[Any, str]:
        with connect(APPLICATION) as reader:
            unread = one(reader, UNREAD, [merchant, last, last])
            return unread, one(reader, "SELECT pg_current_snapshot()::text")

    with connect(APPLICATION) as start:
        beginning = one(start, "SELECT pg_current_snapshot()::text")
    try:
        with connect(APPLICATION) as slow, connect(APPLICATION) as quick:
            insert_row(slow, "events", merchant_id=merchant, aggregateid="slow")
            insert_row(quick, "events", merchant_id=merchant, aggregateid="quick")
            quick.commit()
            first, snapshot = read(beginning)
            slow.commit()
        second, snapshot = read(snapshot)
        third, _ = read(snapshot)
        assert (first, second, third) == (["quick"], ["slow"], None)
    finally:
        with connect(OWNER) as owner:
            owner.execute("DELETE FROM events WHERE merchant_id = %s", [merchant])


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
    api.delete(f"/v1/customers/{customer}")

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


def test_later_event_has_the_later_position(api: Api) -> None:
    payment, customer = api.paid()["id"], taken(api, "customers")["id"]
    api.patch(f"/v1/transactions/{payment}", NOTE)

    positions = [
        events_of(payment)[1].position,
        events_of(customer)[0].position,
        events_of(payment)[2].position,
    ]
    assert all(one < other for one, other in pairwise(positions))
