"""Ranges of time as ranges of ids: the same rows, to the millisecond."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Model

from disputes.models import Refund
from payments_project.database.uuid7 import UUID7Before, uuid7_floor, uuid7_range, uuid7_time
from transactions.models import GatewayOperation, Transaction

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ENDS = {
    "gte": lambda time, end: time >= end,
    "gt": lambda time, end: time > end,
    "lte": lambda time, end: time <= end,
    "lt": lambda time, end: time < end,
}
# The first and the last id of each of the milliseconds around noon.
IDS = [
    UUID(int=uuid7_floor(NOON + timedelta(milliseconds=number)).int | rest)
    for number in range(-2, 4)
    for rest in (0, (1 << 62) - 1)
]


def within(range_of_ids: dict[str, UUID]) -> list[UUID]:
    first, end = range_of_ids.get("gte", IDS[0]), range_of_ids.get("lt")
    return [each for each in IDS if each >= first and (end is None or each < end)]


@pytest.mark.parametrize("microseconds", [-1000, -999, -1, 0, 1, 500, 999, 1000])
@pytest.mark.parametrize("name", ENDS)
def test_a_range_of_ids_holds_those_whose_time_is_in_the_range(name, microseconds):
    end = NOON + timedelta(microseconds=microseconds)

    expected = [each for each in IDS if ENDS[name](uuid7_time(each), end)]

    assert expected
    assert within(uuid7_range({name: end})) == expected


@pytest.mark.parametrize("upper", ["lte", "lt"])
@pytest.mark.parametrize("lower", ["gte", "gt"])
def test_both_ends_of_a_range_hold(lower, upper):
    first, last = NOON - timedelta(milliseconds=1), NOON + timedelta(milliseconds=1)

    expected = [
        each
        for each in IDS
        if ENDS[lower](uuid7_time(each), first) and ENDS[upper](uuid7_time(each), last)
    ]

    assert within(uuid7_range({lower: first, upper: last})) == expected


def test_of_two_ends_on_one_side_the_narrower_counts():
    later = NOON + timedelta(milliseconds=1)

    assert uuid7_range({"gte": NOON, "gt": NOON}) == {"gte": uuid7_floor(later)}
    assert uuid7_range({"lte": NOON, "lt": NOON}) == {"lt": uuid7_floor(NOON)}


def test_no_end_is_no_bound():
    assert uuid7_range({}) == {}


@pytest.mark.parametrize("name", ENDS)
def test_times_that_no_id_can_have_are_the_ends_of_all_ids(name):
    least, greatest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    is_lower = name in ("gte", "gt")

    assert (within(uuid7_range({name: least})) == IDS) is is_lower
    assert (within(uuid7_range({name: greatest})) == IDS) is not is_lower


# What is older than so many seconds, by PostgreSQL's clock.


def test_ids_before_a_moment_are_those_made_before_it_by_postgresqls_clock():
    with connection.cursor() as cursor:
        compiled = UUID7Before(60).resolve_expression(Transaction.objects.all().query)
        sql, parameters = compiled.as_sql(Transaction.objects.all().query.get_compiler("default"),
                                          connection)  # fmt: skip
        cursor.execute(f"SELECT {sql}, clock_timestamp()", parameters)
        before, now = cursor.fetchone()

    assert timedelta(0) <= now - timedelta(seconds=60) - uuid7_time(before) < timedelta(seconds=1)
    assert before == uuid7_floor(uuid7_time(before))


@pytest.mark.parametrize(
    ("model", "conditions", "index"),
    [
        (Transaction, {"status": "captured"}, "_id_idx"),
        (Refund, {"status": "pending", "awaits_gateway": False}, "idx_refunds_unanswered"),
        (GatewayOperation, {"status": "pending"}, "idx_gateway_operations_pending"),
    ],
)
def test_what_waits_for_long_is_found_by_its_partial_index(
    model: type[Model], conditions: dict[str, object], index: str
):
    waiting = model._default_manager.filter(**conditions, id__lt=UUID7Before(35))
    by_id = "operations" not in index
    if by_id:
        # Else any partial index of a nearly empty table is as good as the other.
        waiting = waiting.order_by("id")

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = waiting.explain()

    assert index in plan
    if by_id:
        assert "Index Cond: (id < (InitPlan" in plan
