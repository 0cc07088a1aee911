"""Monthly partitions: where rows go, and which months a query reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from payments_project.database.uuid7 import uuid7_floor, uuid7_time
from tests.schema.rows import APPLICATION, id_at, insert_row, make_months, one, rolled_back


@pytest.fixture
def application(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A transaction that leaves nothing behind, months included."""
    with rolled_back(APPLICATION) as made:
        yield made


# Where rows go.


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2104, 5, 1, tzinfo=UTC), "2104_05"),
        (datetime(2104, 5, 31, 23, 59, 59, 999000, tzinfo=UTC), "2104_05"),
        (datetime(2104, 6, 1, tzinfo=UTC), "2104_06"),
    ],
)
@pytest.mark.parametrize("tail", [0, (1 << 62) - 1])
def test_a_row_lies_in_the_month_of_its_id(
    application: psycopg.Connection, moment: datetime, month: str, tail: int
):
    make_months(application, "transactions", "2104-05-01", "2104-06-01")
    payment = insert_row(application, "transactions", id=id_at(moment, tail=tail))
    found = application.execute(
        "SELECT tableoid::regclass::text, created_at FROM transactions WHERE id = %s", [payment]
    ).fetchone()
    assert found == (f"transactions_{month}", moment)


def test_floor_and_time_of_an_id_are_the_same_in_python_and_in_postgresql(
    application: psycopg.Connection,
):
    for moment in (
        datetime(1991, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 28, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(2104, 2, 29, 12, 0, 0, 1000, tzinfo=UTC),
    ):
        found = application.execute(
            "SELECT uuidv7_floor(%s), uuid_extract_timestamp(uuidv7_floor(%s))", [moment, moment]
        ).fetchone()
        assert found == (uuid7_floor(moment), moment)
        assert uuid7_time(uuid7_floor(moment)) == moment


def test_refunds_refer_to_payments_of_any_month(application: psycopg.Connection):
    make_months(application, "transactions", "2104-05-01")
    payment = insert_row(
        application,
        "transactions",
        id=id_at(datetime(2104, 5, 5, tzinfo=UTC)),
        status="succeeded",
        captured_amount=1000,
    )
    insert_row(application, "refunds", transaction_id=payment)
    application.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        application.execute("DELETE FROM transactions WHERE id = %s", [payment])


# What a query reads.


@pytest.fixture
def year(application: psycopg.Connection) -> psycopg.Connection:
    """Twelve months of 2104 beside those of today."""
    make_months(application, "transactions", *(f"2104-{month:02}-01" for month in range(1, 13)))
    return application


def _plan(database: psycopg.Connection, query: str, *, execute: bool = False) -> dict[str, Any]:
    options = "FORMAT JSON, ANALYZE, TIMING OFF" if execute else "FORMAT JSON"
    explained = one(database, f"EXPLAIN ({options}) {query}")
    plan: dict[str, Any] = explained[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _tables(plan: dict[str, Any], *, executed: bool = False) -> set[str]:
    return {
        node["Relation Name"]
        for node in _nodes(plan)
        if "Relation Name" in node and (not executed or node["Actual Loops"] > 0)
    }


def test_a_literal_range_of_created_at_prunes_at_plan_time(year: psycopg.Connection):
    plan = _plan(
        year,
        "SELECT * FROM transactions WHERE created_at >= '2104-03-10 00:00:00+00'"
        " AND created_at < '2104-05-01 00:00:00+00'",
    )
    assert _tables(plan) == {"transactions_2104_03", "transactions_2104_04"}


def test_a_range_of_ids_prunes_at_plan_time(year: psycopg.Connection):
    first, after = datetime(2104, 3, 10, tzinfo=UTC), datetime(2104, 5, 1, tzinfo=UTC)
    plan = _plan(
        year,
        f"SELECT * FROM transactions WHERE id >= '{uuid7_floor(first)}'"
        f" AND id < '{uuid7_floor(after)}'",
    )
    assert _tables(plan) == {"transactions_2104_03", "transactions_2104_04"}


def test_a_range_of_ids_known_only_at_run_time_prunes_then(year: psycopg.Connection):
    query = (
        "SELECT * FROM transactions"
        " WHERE id >= (SELECT uuidv7_floor('2104-03-10 00:00:00+00'))"
        " AND id < (SELECT uuidv7_floor('2104-05-01 00:00:00+00'))"
    )
    assert _tables(_plan(year, query, execute=True), executed=True) == {
        "transactions_2104_03",
        "transactions_2104_04",
    }


def test_one_id_reads_one_month(year: psycopg.Connection):
    plan = _plan(
        year,
        f"SELECT * FROM transactions WHERE id = '{id_at(datetime(2104, 3, 10, tzinfo=UTC))}'",
    )
    assert _tables(plan) == {"transactions_2104_03"}


def test_newest_first_goes_from_month_to_month_without_merging_them(year: psycopg.Connection):
    merchant = uuid4()
    for month in (3, 4, 5):
        for day in range(1, 29):
            insert_row(
                year,
                "transactions",
                id=id_at(datetime(2104, month, day, tzinfo=UTC)),
                merchant_id=merchant,
            )
    for where in ("", f"WHERE merchant_id = '{merchant}' AND environment = 'test'"):
        plan = _plan(year, f"SELECT * FROM transactions {where} ORDER BY id DESC LIMIT 20")
        kinds = {node["Node Type"] for node in _nodes(plan)}
        assert "Append" in kinds
        assert not kinds & {"Merge Append", "Sort", "Incremental Sort"}
