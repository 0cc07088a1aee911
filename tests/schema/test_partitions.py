"""Monthly partitions: how they are made, when one is missing, and what making one blocks."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection

from payments_project.database.partitions import (
    create_missing_month,
    create_month,
    ensure_months,
    months_ahead,
)
from payments_project.database.transaction_manager import (
    payment_transaction,
    run_in_transaction,
    sqlstate,
)
from payments_project.database.uuid7 import uuid7_floor
from tests.schema.rows import (
    APPLICATION,
    OWNER,
    connect,
    id_at,
    insert_row,
    make_months,
    one,
    partitions,
    rolled_back,
)

# Those that a payment writes to, and all.
MONTHLY_TABLES = ["events", "ledger_entries", "transactions"]
ALL_MONTHLY_TABLES = sorted(
    [*MONTHLY_TABLES, "transaction_words", "webhook_attempts", "webhook_deliveries"]
)
THREADS = 8


@pytest.fixture
def application(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A transaction that leaves nothing behind, months included."""
    with rolled_back(APPLICATION) as made:
        yield made


def _bounds(database: psycopg.Connection, partition: str) -> str:
    bounds: str = one(
        database,
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass",
        [partition],
    )
    return bounds


# Making months.


@pytest.mark.parametrize("table", MONTHLY_TABLES)
def test_migrate_made_this_month_and_twelve_ahead(application: psycopg.Connection, table: str):
    this_month = datetime.now(UTC).date().replace(day=1)
    expected = []
    for distance in range(13):
        year, month = divmod(this_month.year * 12 + this_month.month - 1 + distance, 12)
        expected.append(f"{table}_{year:04}_{month + 1:02}")
    assert set(expected) <= set(partitions(application, table))


@pytest.mark.parametrize("table", MONTHLY_TABLES)
def test_any_day_makes_its_whole_month_once(application: psycopg.Connection, table: str):
    make_months(application, table, "2104-02-29", "2104-02-01", "2104-02-14", "2104-02-29")
    assert [name for name in partitions(application, table) if "_2104_" in name] == [
        f"{table}_2104_02"
    ]
    first, after = datetime(2104, 2, 1, tzinfo=UTC), datetime(2104, 3, 1, tzinfo=UTC)
    assert _bounds(application, f"{table}_2104_02") == (
        f"FOR VALUES FROM ('{uuid7_floor(first)}') TO ('{uuid7_floor(after)}')"
    )


def test_months_are_utcs_whatever_the_session_says(application: psycopg.Connection):
    application.execute("SET LOCAL timezone = 'Pacific/Kiritimati'")
    make_months(application, "transactions", "2104-12-31")
    first, after = datetime(2104, 12, 1, tzinfo=UTC), datetime(2105, 1, 1, tzinfo=UTC)
    assert _bounds(application, "transactions_2104_12") == (
        f"FOR VALUES FROM ('{uuid7_floor(first)}') TO ('{uuid7_floor(after)}')"
    )
    application.execute("SET LOCAL timezone = 'UTC'")
    check = one(
        application,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'transactions_2104_12_month'",
    )
    assert check == (
        "CHECK (((created_at >= '2104-12-01 00:00:00+00'::timestamp with time zone)"
        " AND (created_at < '2105-01-01 00:00:00+00'::timestamp with time zone)))"
    )


@pytest.mark.parametrize("table", MONTHLY_TABLES)
def test_eight_callers_at_once_make_one_month_and_none_fails(django_db_setup: None, table: str):
    callers = [connect(APPLICATION, autocommit=True) for _ in range(THREADS)]
    months = [f"1980-{month:02}-09" for month in range(1, 7)]
    failures: list[str] = []

    def call(caller: psycopg.Connection, barrier: threading.Barrier, month: str) -> None:
        barrier.wait()
        try:
            make_months(caller, table, month)
        except psycopg.Error as error:
            failures.append(f"{month}: {error}")

    for month in months:
        barrier = threading.Barrier(THREADS)
        threads = [
            threading.Thread(target=call, args=(caller, barrier, month)) for caller in callers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    made = [name for name in partitions(callers[0], table) if "_198" in name]
    for caller in callers:
        caller.close()
    assert failures == []
    assert len(made) == len(months)


def test_an_unregistered_table_is_refused(django_db_setup: None):
    with pytest.raises(DatabaseError, match='table "refunds" is not a monthly table') as refusal:
        create_month(table="refunds", month=date(2104, 1, 1))
    assert sqlstate(refusal.value) == "42P01"


@pytest.mark.parametrize("table", MONTHLY_TABLES)
def test_a_month_has_what_its_table_has(application: psycopg.Connection, table: str):
    make_months(application, table, "2104-05-05")
    month = f"{table}_2104_05"

    def kinds(relation: str, query: str) -> list[Any]:
        return sorted(row[0] for row in application.execute(query, [relation]).fetchall())

    index_keys = (
        "SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', '')"
        " FROM pg_index WHERE indrelid = %s::regclass"
    )
    assert kinds(month, index_keys) == kinds(table, index_keys)
    triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
    assert kinds(month, triggers) == kinds(table, triggers)
    checks = (
        "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = 'c'"
    )
    own = [check for check in kinds(month, checks) if check not in kinds(table, checks)]
    assert [check.split("CHECK")[0] for check in own] == [f"{month}_month"]
    assert len(kinds(month, checks)) == len(kinds(table, checks)) + 1


def test_a_month_gives_the_application_role_the_rights_on_its_table(
    application: psycopg.Connection,
):
    rights = (
        "SELECT array_agg(privilege_type::text ORDER BY 1) FROM pg_class, aclexplode(relacl)"
        " WHERE oid = %s::regclass AND grantee = current_user::regrole"
    )
    for table in ALL_MONTHLY_TABLES:
        make_months(application, table, "2104-05-05")
        assert one(application, rights, [f"{table}_2104_05"]) == one(application, rights, [table])
    for append_only in ("events", "ledger_entries", "webhook_attempts"):
        assert one(application, rights, [f"{append_only}_2104_05"]) == ["INSERT", "SELECT"]


# A month that is missing when a row comes.


def _insert_payment(made_at: datetime) -> UUID:
    payment = id_at(made_at, tail=uuid4().int & 0xFFFFFFFF)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transactions (id, merchant_id, environment, amount, currency,"
            " payment_method_type, gateway_name)"
            " VALUES (%s, uuidv7(), 'test', 1000, 'EUR', 'card', 'external')",
            [payment],
        )
    return payment


def _home(payment: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM transactions WHERE id = %s", [payment])
        home: str = cursor.fetchone()[0]
    return home


def test_run_in_transaction_makes_the_missing_month_and_runs_again():
    runs = []

    def work() -> UUID:
        runs.append(1)
        return _insert_payment(datetime(1991, 3, 31, 23, 59, 59, 999000, tzinfo=UTC))

    payment = run_in_transaction(work)
    assert _home(payment) == "transactions_1991_03"
    assert len(runs) == 2


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_missing_month_is_made_at_every_isolation_level(isolation: Any):
    month = {"READ COMMITTED": 4, "REPEATABLE READ": 5, "SERIALIZABLE": 6}[isolation]
    moment = datetime(1991, month, 1, tzinfo=UTC)
    payment = run_in_transaction(lambda: _insert_payment(moment), isolation=isolation)
    assert _home(payment) == f"transactions_1991_{month:02}"


def test_a_transaction_that_misses_a_month_of_each_table_has_them_all_made():
    """As on the first of a month that nothing was made for: payment, ledger entry and event."""
    moment = datetime(1991, 9, 1, tzinfo=UTC)

    def work() -> None:
        payment = _insert_payment(moment)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_entries (id, merchant_id, environment, currency, amount,"
                " debit_account, credit_account, type, source_id)"
                " VALUES (%s, uuidv7(), 'test', 'EUR', 1, 'gateway', 'available', 'payment', %s)",
                [id_at(moment), payment],
            )
            cursor.execute(
                "INSERT INTO events (id, aggregatetype, aggregateid, type, sequence, payload,"
                " merchant_id, environment, actor_kind)"
                " VALUES (%s, 'transaction', %s, 'transaction.created', 1, '{}', uuidv7(), 'test',"
                " 'system')",
                [id_at(moment), str(payment)],
            )

    run_in_transaction(work)
    with rolled_back(APPLICATION) as database:
        for table in MONTHLY_TABLES:
            assert f"{table}_1991_09" in partitions(database, table)


def test_eight_payments_of_a_missing_month_all_arrive(django_db_setup: None):
    failures: list[BaseException] = []
    homes: list[str] = []
    barrier = threading.Barrier(THREADS)

    def pay() -> None:
        barrier.wait()
        try:
            moment = datetime(1991, 7, 7, tzinfo=UTC)
            homes.append(_home(run_in_transaction(lambda: _insert_payment(moment))))
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=pay) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert homes == ["transactions_1991_07"] * THREADS


def test_create_missing_month_makes_the_month_that_the_error_names():
    moment = datetime(1991, 8, 15, tzinfo=UTC)
    with pytest.raises(IntegrityError) as missing, payment_transaction():
        _insert_payment(moment)
    assert create_missing_month(missing.value) is True
    assert _home(_insert_payment(moment)) == "transactions_1991_08"


def test_create_missing_month_leaves_other_errors_alone():
    with (
        pytest.raises(IntegrityError) as other,
        payment_transaction(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO transactions (merchant_id, environment, amount, currency,"
            " payment_method_type, gateway_name)"
            " VALUES (uuidv7(), 'test', -1, 'EUR', 'card', 'external')"
        )
    assert create_missing_month(other.value) is False


def test_an_id_that_is_no_uuid7_makes_no_month():
    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO transactions (id, merchant_id, environment, amount, currency,"
                " payment_method_type, gateway_name)"
                " VALUES (%s, uuidv7(), 'test', 1000, 'EUR', 'card', 'external')",
                [UUID("ffffffff-ffff-4fff-bfff-ffffffffffff")],
            )

    before = set(_all_months())
    with pytest.raises(IntegrityError, match="no partition of relation"):
        run_in_transaction(work)
    assert set(_all_months()) == before


def _all_months() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'transactions'::regclass"
        )
        return [name for (name,) in cursor.fetchall()]


# How far ahead months are made.


def test_months_ahead_counts_the_whole_months_that_every_table_has(django_db_setup: None):
    today = date(2150, 11, 17)
    assert months_ahead(today=today) == -1
    for table in ALL_MONTHLY_TABLES:
        create_month(table=table, month=today)
    assert months_ahead(today=today) == 0
    assert ensure_months(today=today, months_ahead=3) == ALL_MONTHLY_TABLES
    assert months_ahead(today=today) == 3
    assert months_ahead(today=date(2151, 1, 31)) == 1
    create_month(table="transactions", month=date(2151, 3, 1))
    assert months_ahead(today=today) == 3, "the others lack that month"
    for table in ALL_MONTHLY_TABLES:
        create_month(table=table, month=date(2151, 5, 1))
    assert months_ahead(today=today) == 3, "a gap ends the count"


def test_months_made_by_migrate_are_enough_for_readiness(django_db_setup: None):
    assert months_ahead() >= 12 - _months_since_migration()


def _months_since_migration() -> int:
    """The template database may have been migrated in an earlier month."""
    oldest = min(
        name
        for name in _all_months()
        if name >= f"transactions_{datetime.now(UTC) - timedelta(days=366):%Y_%m}"
    )
    year, month = map(int, oldest.split("_")[1:])
    now = datetime.now(UTC)
    return (now.year - year) * 12 + now.month - month


# What making a month blocks.


def test_payments_go_on_while_a_month_is_attached(django_db_setup: None):
    with (
        rolled_back(APPLICATION) as maker,
        rolled_back(APPLICATION) as payer,
        connect(OWNER, autocommit=True) as watcher,
    ):
        make_months(maker, "transactions", "2104-09-01")
        payer.execute("SET LOCAL lock_timeout = '1s'")
        insert_row(payer, "transactions")
        insert_row(payer, "ledger_entries")
        insert_row(payer, "events")
        modes = watcher.execute(
            "SELECT DISTINCT mode FROM pg_locks"
            " WHERE pid = %s AND relation = 'transactions'::regclass AND granted",
            [maker.info.backend_pid],
        ).fetchall()
    assert {mode for (mode,) in modes} <= {"AccessShareLock", "ShareUpdateExclusiveLock"}


def test_a_month_is_attached_while_payments_are_open(django_db_setup: None):
    with rolled_back(APPLICATION) as payer, rolled_back(APPLICATION) as maker:
        insert_row(payer, "transactions")
        maker.execute("SET LOCAL lock_timeout = '1s'")
        make_months(maker, "transactions", "2104-09-01")
        assert "transactions_2104_09" in partitions(maker, "transactions")


def test_making_a_month_steps_aside_for_an_open_refund(django_db_setup: None):
    """ATTACH locks the tables that refer to payments; it must not queue before their writers."""
    attached = threading.Event()
    with rolled_back(APPLICATION) as refunder, rolled_back(APPLICATION) as maker:
        payment = insert_row(refunder, "transactions", status="succeeded", captured_amount=1000)
        insert_row(refunder, "refunds", transaction_id=payment)

        maker.execute("SET LOCAL lock_timeout = '7s'")

        def make() -> None:
            make_months(maker, "transactions", "2104-10-01")
            attached.set()

        thread = threading.Thread(target=make)
        thread.start()
        assert not attached.wait(0.8)
        with rolled_back(APPLICATION) as another:
            another.execute("SET LOCAL lock_timeout = '2s'")
            other = insert_row(another, "transactions", status="succeeded", captured_amount=1000)
            insert_row(another, "refunds", transaction_id=other)
        refunder.rollback()
        thread.join(15)
        assert attached.is_set()
        timeout = one(maker, "SHOW lock_timeout")
        assert timeout == "7s", "the caller's own lock timeout is back"
