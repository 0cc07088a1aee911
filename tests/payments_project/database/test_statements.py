"""Prepared statements of the payment path: values as Django's cursors have them, on any connection."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test.utils import CaptureQueriesContext

from payments_project.database.statements import fetch_one, planned_for_their_values
from payments_project.database.transaction_manager import run_in_transaction, sqlstate
from tests.schema.rows import APPLICATION, connect, one
from tests.threads import at_once

CLIENTS = 8
ONE = "SELECT %s::int + 1"
OTHER = "SELECT %s::int + 2"
SOME_ID = UUID("0190f3a4-7b1c-7def-8123-456789abcdef")
# 2026-03-29 01:30 in a zone two hours ahead.
MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

VALUES = {
    "uuid": (SOME_ID, SOME_ID),
    "uuid[]": ([SOME_ID, SOME_ID], [SOME_ID, SOME_ID]),
    "numeric": (Decimal("1234567890.0100"), Decimal("1234567890.0100")),
    "text": ('O\'Reilly "& Söhne" \\ %s $1 ;--\n', 'O\'Reilly "& Söhne" \\ %s $1 ;--\n'),
    "varchar": ("", ""),
    "text[]": (["a'b", 'c"d', "e,f", "{}", "NULL", ""], ["a'b", 'c"d', "e,f", "{}", "NULL", ""]),
    "int[]": ([], []),
    "bytea": (b"\x00\xff'\\", b"\x00\xff'\\"),
    "timestamptz": (MOMENT, datetime(2026, 3, 28, 23, 30, 0, 123456, tzinfo=UTC)),
    "date": (date(2026, 2, 28), date(2026, 2, 28)),
    "interval": (timedelta(days=1, seconds=1), timedelta(days=1, seconds=1)),
    "boolean": (False, False),
    "smallint": (-32768, -32768),
    "bigint": (2**63 - 1, 2**63 - 1),
    "double precision": (0.1, 0.1),
}


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Threads take turns after microseconds, so that what they share is shared badly soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def lose_all() -> None:
    """What psycopg does to a connection some time after a rollback."""
    connection.connection.execute("DEALLOCATE ALL")


def end_own_process() -> None:
    """The server ends this thread's connection while it is in use, outside any pool."""
    connection.ensure_connection()
    with connect(APPLICATION, autocommit=True) as other:
        process = connection.connection.info.backend_pid
        assert one(other, "SELECT pg_terminate_backend(%s, 5000)", [process])


def prepared_here(like: str) -> int:
    """How many statements of ours with that text this thread's connection has prepared."""
    connection.ensure_connection()
    query = (
        "SELECT count(*) FROM pg_prepared_statements"
        " WHERE name LIKE 'payments\\_%%' AND statement LIKE %s"
    )
    return one(connection.connection, query, [like])


def test_lost_statements_are_prepared_again_in_any_order() -> None:
    assert (fetch_one(ONE, [1]), fetch_one(OTHER, [1])) == ((2,), (3,))
    lose_all()
    assert fetch_one(ONE, [1]) == (2,)
    lose_all()

    assert fetch_one(OTHER, [1]) == (3,)
    assert fetch_one(ONE, [1]) == (2,)
    assert fetch_one(OTHER, [1]) == (3,)


@pytest.mark.parametrize("forgetting", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_statement_that_somebody_else_dropped_is_prepared_again(forgetting: str) -> None:
    statement = f"SELECT %s::int * 2 -- {forgetting}"
    assert fetch_one(statement, [1]) == (2,)
    assert prepared_here(f"%{forgetting}") == 1
    connection.connection.execute(forgetting)
    assert prepared_here(f"%{forgetting}") == 0

    assert fetch_one(statement, [4]) == (8,)
    assert prepared_here(f"%{forgetting}") == 1


def test_statement_that_is_prepared_again_runs_once() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE runs (number int)")
    insert = "INSERT INTO runs VALUES (%s::int) RETURNING number"
    fetch_one(insert, [1])
    lose_all()

    assert fetch_one(insert, [2]) == (2,)
    assert fetch_one("SELECT array_agg(number ORDER BY number) FROM runs") == ([1, 2],)
    # Its temporary table goes with it.
    connection.connection.close()
    connection.close()


def test_every_connection_prepares_its_own() -> None:
    fetch_one(ONE, [1])
    connection.close()

    assert fetch_one(ONE, [41]) == (42,)


def test_statement_is_prepared_once_for_each_combination_of_types() -> None:
    connection.close()
    statement = "SELECT %s::text -- by types"
    for value in ("a", "b", SOME_ID, None, "c", SOME_ID):
        fetch_one(statement, [value])

    # Text and NULL are both of no type to the server; a UUID is one.
    assert prepared_here("%by types") == 2
    connection.close()


def test_nothing_is_prepared_where_the_setting_forbids_it(settings: Any) -> None:
    settings.PREPARED_STATEMENTS = False

    assert fetch_one("SELECT %s::int -- unprepared", [5]) == (5,)
    assert fetch_one("SELECT %(a)s::int - %(b)s::int -- unprepared", {"b": 1, "a": 5}) == (4,)
    assert prepared_here("%unprepared") == 0


def test_threads_at_once_do_not_mix_up_their_values(frequent_switches: None) -> None:
    kinds = [kind for kind in VALUES if "[]" not in kind][:CLIENTS]

    def ask(number: int) -> set[bool]:
        sent, expected = VALUES[kinds[number]]
        statement = f"SELECT %s::{kinds[number]}, %s::int"
        return {fetch_one(statement, [sent, turn]) == (expected, turn) for turn in range(200)}

    assert at_once(CLIENTS, ask) == [{True}] * CLIENTS


# Values, outside a transaction and within one.


def alone(statement: str, parameters: Any = ()) -> Any:
    return fetch_one(statement, parameters)


def within_a_transaction(statement: str, parameters: Any = ()) -> Any:
    return run_in_transaction(lambda: fetch_one(statement, parameters))


WAYS = pytest.mark.parametrize("fetch", [alone, within_a_transaction])


@WAYS
@pytest.mark.parametrize("kind", VALUES)
def test_value_comes_back_as_it_was_sent(fetch: Any, kind: str) -> None:
    sent, expected = VALUES[kind]

    (found, text) = fetch(f"SELECT %s::{kind}, %s::{kind}::text", [sent, sent])

    assert (found, type(found)) == (expected, type(expected))
    assert text is not None
    assert fetch(f"SELECT %s::{kind}, %s::{kind} IS NULL", [None, None]) == (None, True)


@WAYS
def test_moment_comes_back_in_utc(fetch: Any) -> None:
    (found,) = fetch("SELECT %s::timestamptz", [MOMENT])

    assert found.utcoffset() == timedelta(0)


@WAYS
def test_named_parameter_is_used_twice_and_others_are_left_alone(fetch: Any) -> None:
    # Sent twice, the second text would be a parameter whose type nothing tells.
    statement = "SELECT %(a)s::int + %(a)s::int, %(b)s::text || %(b)s::text || '%%', 7 %% 4"

    assert fetch(statement, {"b": "x", "a": 2, "unused": object()}) == (4, "xx%", 3)


@WAYS
def test_statement_without_parameters(fetch: Any) -> None:
    assert fetch("SELECT 1, 'a%%'") == (1, "a%")


@WAYS
def test_first_of_several_rows_and_none_of_none(fetch: Any) -> None:
    assert fetch("SELECT * FROM generate_series(%s::int, 9)", [3]) == (3,)
    assert fetch("SELECT 1 WHERE %s::boolean", [False]) is None


def test_json_is_parsed_outside_a_transaction_and_text_within_one() -> None:
    statement, content = "SELECT %s::jsonb", '{"a": [1, null]}'

    assert alone(statement, [content]) == ({"a": [1, None]},)
    assert within_a_transaction(statement, [content]) == (content,)


# Errors.


@WAYS
@pytest.mark.parametrize(
    ("statement", "parameters", "error", "code"),
    [
        ("SELECT 1 / %s::int", [0], DataError, "22012"),
        ("SELECT %s::uuid", ["no uuid"], DataError, "22P02"),
        ("SELECT %s FROM no_such_table", [1], ProgrammingError, "42P01"),
        ("SELECT %s::text", ["a\x00b"], DataError, None),
        (
            "INSERT INTO status_transitions SELECT * FROM status_transitions WHERE %s RETURNING 1",
            [True],
            ProgrammingError,
            "42501",
        ),
        (
            "INSERT INTO merchants SELECT (m).* FROM"
            " (SELECT jsonb_populate_record(NULL::merchants, %s) AS m) AS empty RETURNING id",
            ["{}"],
            IntegrityError,
            "23502",
        ),
    ],
)
def test_error_is_djangos_and_the_connection_goes_on(
    fetch: Any, statement: str, parameters: list[Any], error: type[Exception], code: str | None
) -> None:
    before = fetch_one("SELECT pg_backend_pid()")
    for _ in range(2):
        with pytest.raises(error) as raised:
            fetch(statement, parameters)
        assert sqlstate(raised.value) == code

    assert fetch_one("SELECT pg_backend_pid()") == before
    assert fetch(ONE, [1]) == (2,)


def test_error_within_a_transaction_takes_its_work_back() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE taken_back (number int)")

    def work() -> None:
        fetch_one("INSERT INTO taken_back VALUES (%s::int) RETURNING number", [1])
        fetch_one("SELECT 1 / %s::int", [0])

    with pytest.raises(DataError):
        run_in_transaction(work)

    assert fetch_one("SELECT count(*) FROM taken_back") == (0,)
    connection.connection.close()
    connection.close()


def test_statement_that_waits_too_long_for_a_lock_is_told_so() -> None:
    statement = "SELECT set_config('lock_timeout', %s, false)"
    with connect(APPLICATION) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [SOME_ID.int % 2**31])
        fetch_one(statement, ["20ms"])
        with pytest.raises(OperationalError) as raised:
            fetch_one("SELECT pg_advisory_xact_lock(%s)", [SOME_ID.int % 2**31])
        fetch_one(statement, ["5s"])

    assert sqlstate(raised.value) == "55P03"


# Connections that end.


def test_connection_that_ended_in_use_is_an_operational_error_until_it_is_given_back() -> None:
    fetch_one(ONE, [1])
    end_own_process()

    for statement in (ONE, OTHER, "SELECT %s::int + 3 -- not seen before"):
        with pytest.raises((OperationalError, InterfaceError)):
            fetch_one(statement, [1])
    connection.close()

    assert fetch_one(ONE, [1]) == (2,)


def test_connection_that_ended_in_the_pool_costs_nothing() -> None:
    fetch_one(ONE, [1])
    process = connection.connection.info.backend_pid
    connection.close()
    with connect(APPLICATION, autocommit=True) as other:
        assert one(other, "SELECT pg_terminate_backend(%s, 5000)", [process])

    assert fetch_one(ONE, [1]) == (2,)
    assert connection.connection.info.backend_pid != process


def test_statement_is_seen_by_djangos_query_log() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert fetch_one(ONE, [1]) == (2,)

    assert len(queries) == 1


def prepared_texts() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [text for (text,) in cursor.fetchall()]


def ask_often(text: str) -> None:
    with connection.cursor() as cursor:
        for number in range(4):
            cursor.execute(text, [number])


def test_statements_that_are_planned_for_their_values_are_not_prepared() -> None:
    with planned_for_their_values():
        ask_often("SELECT %s::int + 101")
    ask_often("SELECT %s::int + 102")

    texts = " ".join(prepared_texts())
    assert "101" not in texts
    assert "102" in texts


def test_statements_are_prepared_again_after_one_that_failed() -> None:
    with pytest.raises(DataError), planned_for_their_values():
        ask_often("SELECT 1 / %s::int")
    ask_often("SELECT %s::int + 103")

    assert "103" in " ".join(prepared_texts())


def test_a_prepared_statement_is_planned_for_its_values_too() -> None:
    text = "SELECT %s::int + 104"
    ask_often(text)
    with planned_for_their_values():
        ask_often(text)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%+ 104'"
        )
        (plans,) = cursor.fetchone()
    # Those of the first four calls that came after the statement was prepared.
    assert plans == 2
