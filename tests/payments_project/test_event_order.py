"""Events are numbered without gaps for each object, and no reader misses one."""

from contextlib import suppress
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from merchants.services.create_customer import create_customer
from merchants.services.update_customer import update_customer
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from tests.api_client import Api
from tests.merchants.making import MadeMerchant
from tests.payments_project.event_making import NOTE, Undone, events_of, taken, told
from tests.schema.rows import (
    APPLICATION,
    OWNER,
    connect,
    insert_row,
    one,
    rolled_back,
)
from tests.threads import at_once
from transactions.models import Transaction

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


def test_later_event_has_the_later_position(api: Api) -> None:
    payment, customer = api.paid()["id"], taken(api, "customers")["id"]
    api.patch(f"/v1/transactions/{payment}", NOTE)

    positions = [
        events_of(payment)[1].position,
        events_of(customer)[0].position,
        events_of(payment)[2].position,
    ]
    assert all(one < other for one, other in pairwise(positions))
