"""Each rule about money, attacked by raw SQL as both roles; and what the application role may not.

The owner is attacked too, because a rule that only holds by rights is not a constraint. Nothing is
committed.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.schema.rows import (
    APPLICATION,
    OWNER,
    ROLES,
    insert_payout,
    insert_row,
    partitions,
    rolled_back,
)

SOMEBODY = uuid4()
Attack = Callable[[psycopg.Connection], Any]


@pytest.fixture(params=ROLES)
def database(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[Any]:
    """A transaction as each role in turn."""
    with rolled_back(request.param) as connection:
        yield connection


@pytest.fixture
def application(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with rolled_back(APPLICATION) as connection:
        yield connection


def _row(table: str, **values: Any) -> Attack:
    return lambda db: insert_row(db, table, **values)


def _payment(db: psycopg.Connection, **values: Any) -> Any:
    """A payment of 1,000 that was captured in full, with a fee of 30, and 400 refunded."""
    taken = {"status": "succeeded", "captured_amount": 1000, "fee_amount": 30}
    return insert_row(db, "transactions", **(taken | {"refunded_amount": 400} | values))


def _changed(assignment: str, **values: Any) -> Attack:
    return lambda db: db.execute(
        f"UPDATE transactions SET {assignment} WHERE id = %s", [_payment(db, **values)]
    )


def _of_payment(table: str, **values: Any) -> Attack:
    return lambda db: insert_row(db, table, transaction_id=_payment(db), **values)


def _of_dispute(table: str, **values: Any) -> Attack:
    def attack(db: psycopg.Connection) -> None:
        dispute = insert_row(db, "disputes", transaction_id=_payment(db))
        insert_row(db, table, dispute_id=dispute, **values)

    return attack


def _two_dispute_acts(db: psycopg.Connection) -> None:
    dispute = insert_row(db, "disputes", transaction_id=_payment(db))
    insert_row(db, "dispute_operations", dispute_id=dispute)
    insert_row(db, "dispute_operations", dispute_id=dispute, kind="accept")


def _same_notice_twice(db: psycopg.Connection) -> None:
    for _ in range(2):
        insert_row(db, "merchant_notices", object_id=UUID(int=1))


def _twice(table: str, **values: Any) -> Attack:
    def attack(db: psycopg.Connection) -> None:
        same = values | {"merchant_id": uuid4()}
        insert_row(db, table, **same)
        insert_row(db, table, **same)

    return attack


def _second_operation(db: psycopg.Connection) -> None:
    payment = insert_row(db, "transactions", status="pending")
    insert_row(db, "gateway_operations", transaction_id=payment, kind="capture")
    insert_row(db, "gateway_operations", transaction_id=payment, kind="void")


def _operation_after_another(db: psycopg.Connection) -> None:
    payment = insert_row(db, "transactions", status="pending")
    first = insert_row(db, "gateway_operations", transaction_id=payment)
    db.execute("UPDATE gateway_operations SET status = 'succeeded' WHERE id = %s", [first])
    insert_row(db, "gateway_operations", transaction_id=payment, status="pending")


def _approved_by_oneself(db: psycopg.Connection) -> None:
    person = insert_row(db, "staff_users")
    approval = insert_row(db, "approvals", requested_by_id=person)
    db.execute(
        "UPDATE approvals SET status = 'approved', decided_by_id = %s, decided_at = now()"
        " WHERE id = %s",
        [person, approval],
    )


def _approved_by_nobody(db: psycopg.Connection) -> None:
    db.execute(
        "UPDATE approvals SET status = 'approved' WHERE id = %s", [insert_row(db, "approvals")]
    )


def _two_open_reviews(db: psycopg.Connection) -> None:
    payment = _payment(db)
    for _ in range(2):
        insert_row(db, "payment_reviews", transaction_id=payment)


def _entry(debit: str, credit: str, **values: Any) -> Attack:
    return _row("ledger_entries", debit_account=debit, credit_account=credit, **values)


def _payout(**values: Any) -> Attack:
    return lambda db: insert_payout(db, **values)


def _payout_changed(assignment: str, **values: Any) -> Attack:
    return lambda db: db.execute(
        f"UPDATE payouts SET {assignment} WHERE id = %s", [insert_payout(db, **values)]
    )


def _two_payouts(**values: Any) -> Attack:
    def attack(db: psycopg.Connection) -> None:
        same = values | {"merchant_id": uuid4()}
        insert_payout(db, **same)
        insert_payout(db, **same)

    return attack


def _two_retries(db: psycopg.Connection) -> None:
    failed = insert_payout(db)
    for _ in range(2):
        insert_payout(db, retry_of_id=failed)


def _account_confirmed(**values: Any) -> Attack:
    def attack(db: psycopg.Connection) -> None:
        account = insert_row(db, "payout_accounts", **({"confirmed_at": "2026-01-02"} | values))
        db.execute("UPDATE payout_accounts SET status = 'confirmed' WHERE id = %s", [account])

    return attack


ATTACKS: list[tuple[str, Attack, str]] = [
    # A payment's amounts, at its birth.
    ("amount of zero", _row("transactions", amount=0), "transactions_amount_check"),
    ("negative amount", _row("transactions", amount=-1), "transactions_amount_check"),
    (
        "captured above the amount",
        _row("transactions", amount=1000, captured_amount=1001),
        "transactions_captured_within_amount",
    ),
    (
        "negative capture",
        _row("transactions", captured_amount=-1, fee_amount=-1),
        "transactions_captured_within_amount",
    ),
    (
        "refunded before any capture",
        _row("transactions", refunded_amount=1),
        "transactions_refunded_within_captured",
    ),
    (
        "refunded above what was captured",
        _row("transactions", captured_amount=600, refunded_amount=601),
        "transactions_refunded_within_captured",
    ),
    (
        "negative refunded amount",
        _row("transactions", captured_amount=600, refunded_amount=-1),
        "transactions_refunded_within_captured",
    ),
    (
        "fee above what was captured",
        _row("transactions", amount=1000, captured_amount=600, fee_amount=601),
        "transactions_fee_within_captured",
    ),
    (
        "fee above an amount not captured yet",
        _row("transactions", amount=1000, fee_amount=1001),
        "transactions_fee_within_captured",
    ),
    (
        "negative fee",
        _row("transactions", captured_amount=600, fee_amount=-1),
        "transactions_fee_within_captured",
    ),
    (
        "success without a captured amount",
        _row("transactions", status="succeeded"),
        "transactions_captured_when_successful",
    ),
    ("status that is none", _row("transactions", status="paid"), "valid_status"),
    ("risk level that is none", _row("transactions", risk_level="none"), "valid_risk_level"),
    (
        "environment that is none",
        _row("transactions", environment="prod"),
        "transactions_valid_environment",
    ),
    # A payment's amounts, later.
    (
        "one cent refunded too much",
        _changed("refunded_amount = refunded_amount + 601"),
        "transactions_refunded_within_captured",
    ),
    (
        "refunds given back twice",
        _changed("refunded_amount = refunded_amount - 401"),
        "transactions_refunded_within_captured",
    ),
    (
        "capture lowered below the refunds",
        _changed("captured_amount = 399"),
        "transactions_refunded_within_captured",
    ),
    (
        "capture taken away under refunds",
        _changed("captured_amount = NULL", status="pending"),
        "transactions_refunded_within_captured",
    ),
    (
        "capture taken away from a success",
        _changed("captured_amount = NULL", refunded_amount=0),
        "transactions_captured_when_successful",
    ),
    (
        "capture raised above the amount",
        _changed("captured_amount = 1001"),
        "transactions_captured_within_amount",
    ),
    (
        "amount lowered below the capture",
        _changed("amount = 999"),
        "transactions_captured_within_amount",
    ),
    (
        "fee raised above the capture",
        _changed("fee_amount = 1001"),
        "transactions_fee_within_captured",
    ),
    # Refunds and disputes.
    ("refund of zero", _of_payment("refunds", amount=0), "refunds_amount_check"),
    ("negative refund", _of_payment("refunds", amount=-1), "refunds_amount_check"),
    ("refund of no status", _of_payment("refunds", status="done"), "valid_refund_status"),
    (
        "refund of no environment",
        _of_payment("refunds", environment="prod"),
        "refunds_valid_environment",
    ),
    ("dispute of zero", _of_payment("disputes", amount=0), "disputes_amount_check"),
    ("negative dispute", _of_payment("disputes", amount=-1), "disputes_amount_check"),
    (
        "dispute that holds more than its amount",
        _of_payment("disputes", amount=1000, held_amount=1001),
        "disputes_held_amount_check",
    ),
    (
        "dispute that holds a negative amount",
        _of_payment("disputes", held_amount=-1),
        "disputes_held_amount_check",
    ),
    (
        "dispute of no type",
        _of_payment("disputes", dispute_type="pre_arbitration"),
        "valid_dispute_type",
    ),
    ("dispute of no status", _of_payment("disputes", status="done"), "valid_dispute_status"),
    (
        "dispute of no environment",
        _of_payment("disputes", environment="prod"),
        "disputes_valid_environment",
    ),
    # The ledger.
    ("entry of zero", _row("ledger_entries", amount=0), "ledger_entries_amount_check"),
    ("negative entry", _row("ledger_entries", amount=-1), "ledger_entries_amount_check"),
    (
        "entry from an account to itself",
        _entry("available", "available"),
        "ledger_entries_valid_accounts",
    ),
    ("debit of no account", _entry("cash", "available"), "ledger_entries_valid_accounts"),
    ("credit of no account", _entry("gateway", "Available"), "ledger_entries_valid_accounts"),
    (
        "entry of no type",
        _row("ledger_entries", type="correction"),
        "ledger_entries_valid_type",
    ),
    (
        "pending credit without a day",
        _entry("gateway", "pending"),
        "ledger_entries_pending_has_day",
    ),
    ("pending debit without a day", _entry("pending", "fees"), "ledger_entries_pending_has_day"),
    # Gateway operations and balances.
    ("two operations at once", _second_operation, "gateway_operations_once"),
    ("operation after one that did it", _operation_after_another, "gateway_operations_once"),
    (
        "operation of zero",
        _of_payment("gateway_operations", amount=0),
        "gateway_operations_amount_check",
    ),
    (
        "operation of no status",
        _of_payment("gateway_operations", status="done"),
        "gateway_operations_valid_status",
    ),
    # Disputes: what is asked of gateways, and files.
    ("two acts on a dispute at once", _two_dispute_acts, "dispute_operations_one_pending"),
    (
        "act of no kind on a dispute",
        _of_dispute("dispute_operations", kind="appeal"),
        "dispute_operations_valid_kind",
    ),
    (
        "act of no status on a dispute",
        _of_dispute("dispute_operations", status="done"),
        "dispute_operations_valid_status",
    ),
    ("empty file", _row("evidence_files", size=0), "evidence_files_size_check"),
    ("file above the limit", _row("evidence_files", size=5242881), "evidence_files_size_check"),
    (
        "file of another type",
        _row("evidence_files", content_type="text/html"),
        "evidence_files_valid_content_type",
    ),
    (
        "file of no environment",
        _row("evidence_files", environment="prod"),
        "evidence_files_valid_environment",
    ),
    (
        "two files under one name",
        _twice("evidence_files", storage_name="same"),
        "evidence_files_storage_name_once",
    ),
    ("a letter twice", _same_notice_twice, "merchant_notices_once"),
    (
        "letter of no environment",
        _row("merchant_notices", environment="prod"),
        "merchant_notices_valid_environment",
    ),
    # A second person.
    ("approved by who asked", _approved_by_oneself, "approvals_by_a_second_person"),
    ("approved by nobody", _approved_by_nobody, "approvals_decided_by_somebody"),
    ("approval of zero", _row("approvals", amount=0), "approvals_amount_check"),
    (
        "approval of no environment",
        _row("approvals", environment="prod"),
        "approvals_valid_environment",
    ),
    ("negative limit", _row("approval_limits", amount=-1), "approval_limits_amount_check"),
    ("two open reviews of a payment", _two_open_reviews, "payment_reviews_one_open"),
    ("two balances in a currency", _twice("merchant_balances"), "merchant_balances_once"),
    ("two rows of a pending day", _twice("merchant_pending_days"), "merchant_pending_days_once"),
    # Payouts.
    ("payout of zero", _payout(amount=0), "payouts_amount_check"),
    ("negative payout", _payout(amount=-1), "payouts_amount_check"),
    ("payout of no environment", _payout(environment="prod"), "payouts_valid_environment"),
    (
        "payout sent before it was approved",
        _payout(awaits_approval=True, sent_at="2026-01-02"),
        "payouts_approved_before_sent",
    ),
    (
        "payout approved by who asked for it",
        _payout(requested_by=SOMEBODY, approved_by=SOMEBODY),
        "payouts_approved_by_a_second_person",
    ),
    ("payout paid at no time", _payout_changed("status = 'paid'"), "payouts_paid_has_its_time"),
    (
        "payout cancelled once it was sent",
        _payout_changed("status = 'cancelled'", sent_at="2026-01-02"),
        "payouts_not_cancelled_once_sent",
    ),
    ("payout to nobody's account", _payout(account_id=SOMEBODY), "payouts_account_id_fkey"),
    (
        "two payouts of a schedule's day",
        _two_payouts(schedule_day="2026-01-02"),
        "payouts_once_a_schedule_day",
    ),
    ("two retries of a payout", _two_retries, "payouts_retried_once"),
    (
        "two default accounts of a currency",
        _twice("payout_accounts", is_default=True),
        "payout_accounts_one_default",
    ),
    (
        "account confirmed by who entered it",
        _account_confirmed(created_by=SOMEBODY, confirmed_by=SOMEBODY),
        "payout_accounts_confirmed_by_a_second_person",
    ),
    (
        "account confirmed by nobody",
        _account_confirmed(created_by=SOMEBODY),
        "payout_accounts_confirmed_by_a_second_person",
    ),
    (
        "account confirmed at no time",
        _account_confirmed(confirmed_at=None),
        "payout_accounts_confirmed_by_a_second_person",
    ),
    (
        "removed account as the default",
        lambda db: db.execute(
            "UPDATE payout_accounts SET status = 'removed' WHERE id = %s",
            [insert_row(db, "payout_accounts", is_default=True)],
        ),
        "payout_accounts_removed_is_no_default",
    ),
    ("account of no kind", _row("payout_accounts", kind="cash"), "payout_accounts_valid_kind"),
    (
        "account of no environment",
        _row("payout_accounts", environment="prod"),
        "payout_accounts_valid_environment",
    ),
    ("two schedules of a currency", _twice("payout_schedules"), "payout_schedules_once"),
    (
        "schedule of no interval",
        _row("payout_schedules", interval="yearly"),
        "payout_schedules_valid_interval",
    ),
    (
        "weekly without its day",
        _row("payout_schedules", interval="weekly"),
        "payout_schedules_weekday_of_a_week",
    ),
    (
        "daily with a day",
        _row("payout_schedules", weekday=1),
        "payout_schedules_weekday_of_a_week",
    ),
    (
        "an eighth day of the week",
        _row("payout_schedules", interval="weekly", weekday=7),
        "payout_schedules_weekday_of_a_week",
    ),
    (
        "payouts of nothing",
        _row("payout_schedules", minimum_amount=0),
        "payout_schedules_minimum_check",
    ),
    (
        "schedule of no environment",
        _row("payout_schedules", environment="prod"),
        "payout_schedules_valid_environment",
    ),
    ("empty file for the bank", _row("payout_exports", count=0), "payout_exports_total_check"),
    (
        "file of no environment",
        _row("payout_exports", environment="prod"),
        "payout_exports_valid_environment",
    ),
    (
        "adjustment of zero",
        _row("balance_adjustments", amount=0),
        "balance_adjustments_amount_check",
    ),
    (
        "adjustment without a reason",
        _row("balance_adjustments", reason=""),
        "balance_adjustments_reason_check",
    ),
    (
        "adjustment approved by who asked for it",
        _row("balance_adjustments", requested_by=SOMEBODY, approved_by=SOMEBODY),
        "balance_adjustments_by_a_second_person",
    ),
    (
        "adjustment of no environment",
        _row("balance_adjustments", environment="prod"),
        "balance_adjustments_valid_environment",
    ),
    (
        "a reference recorded twice",
        _twice("external_references"),
        "external_references_once",
    ),
]


@pytest.mark.parametrize(
    ("attack", "constraint"),
    [pytest.param(attack, constraint, id=name) for name, attack, constraint in ATTACKS],
)
def test_attack_is_refused_by_its_constraint(
    database: psycopg.Connection, attack: Attack, constraint: str
):
    with pytest.raises(psycopg.errors.IntegrityError) as refusal:
        attack(database)
    assert refusal.value.diag.constraint_name == constraint


@pytest.mark.parametrize(
    "column", ["amount", "currency", "fee_amount", "refunded_amount", "gateway_name"]
)
def test_a_payment_has_no_unknown_amounts(database: psycopg.Connection, column: str):
    with pytest.raises(psycopg.errors.NotNullViolation) as refusal:
        insert_row(database, "transactions", **{column: None})
    assert refusal.value.diag.column_name == column


@pytest.mark.parametrize("assignment", ["net_amount = 1", "created_at = now()"])
def test_a_derived_column_is_never_written(database: psycopg.Connection, assignment: str):
    payment = _payment(database)
    with pytest.raises(psycopg.errors.GeneratedAlways):
        database.execute(f"UPDATE transactions SET {assignment} WHERE id = %s", [payment])


@pytest.mark.parametrize(
    ("amount", "captured", "fee", "net"),
    [(1000, None, 0, 1000), (1000, 1000, 30, 970), (1000, 600, 30, 570), (1000, 30, 30, 0)],
)
def test_net_amount_is_what_was_captured_less_the_fee(
    database: psycopg.Connection, amount: int, captured: int | None, fee: int, net: int
):
    row = insert_row(
        database, "transactions", amount=amount, captured_amount=captured, fee_amount=fee
    )
    found = database.execute("SELECT net_amount FROM transactions WHERE id = %s", [row])
    assert found.fetchone() == (net,)


@pytest.mark.parametrize("table", ["refunds", "disputes", "gateway_operations"])
def test_money_of_a_payment_that_does_not_exist_is_refused(
    database: psycopg.Connection, table: str
):
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        insert_row(database, table, transaction_id=uuid4())


@pytest.mark.parametrize("table", ["refunds", "disputes", "gateway_operations"])
def test_a_payment_stays_while_money_refers_to_it(database: psycopg.Connection, table: str):
    payment = _payment(database)
    insert_row(database, table, transaction_id=payment)
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        database.execute("DELETE FROM transactions WHERE id = %s", [payment])


def test_a_finished_operation_makes_room_for_the_next(database: psycopg.Connection):
    payment = insert_row(database, "transactions", status="pending")
    first = insert_row(database, "gateway_operations", transaction_id=payment)
    database.execute("UPDATE gateway_operations SET status = 'failed' WHERE id = %s", [first])
    insert_row(database, "gateway_operations", transaction_id=payment)


# What the application role may not do.

APPEND_ONLY = ("events", "ledger_entries", "audit")
CHANGES = ("UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_tables_are_never_changed(
    application: psycopg.Connection, table: str, change: str
):
    insert_row(application, table)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(change.format(table))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", ["events", "ledger_entries"])
def test_append_only_tables_are_never_changed_by_way_of_a_partition(
    application: psycopg.Connection, table: str, change: str
):
    months = partitions(application, table)
    assert len(months) >= 13
    for month in months:
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            application.transaction(force_rollback=True),
        ):
            application.execute(change.format(month))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO status_transitions (machine, from_status, to_status)"
        " VALUES ('transaction', 'failed', 'succeeded')",
        "UPDATE status_transitions SET to_status = 'succeeded'",
        "DELETE FROM status_transitions",
        "INSERT INTO monthly_tables VALUES ('merchants')",
        "UPDATE monthly_tables SET table_name = 'merchants' WHERE table_name = 'events'",
        "DELETE FROM monthly_tables",
    ],
)
def test_the_rules_are_not_the_applications_to_change(
    application: psycopg.Connection, statement: str
):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE anything (id int)",
        "CREATE SCHEMA anything",
        "CREATE FUNCTION anything() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE VIEW anything AS SELECT 1",
        "CREATE INDEX ON transactions (currency)",
        "ALTER TABLE transactions ADD COLUMN anything int",
        "ALTER TABLE transactions DROP CONSTRAINT transactions_refunded_within_captured",
        "ALTER TABLE transactions DISABLE TRIGGER enforce_transaction_status",
        "ALTER FUNCTION enforce_status_transition() RENAME TO anything",
        "DROP TRIGGER enforce_refund_status ON refunds",
        "DROP TABLE refunds",
        "TRUNCATE refunds",
        "DROP MATERIALIZED VIEW merchant_monthly_stats",
        "SET ROLE payments_owner",
        "SET session_replication_role = 'replica'",
    ],
)
def test_the_application_role_has_no_ddl(application: psycopg.Connection, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(statement)


def test_the_application_role_owns_nothing(application: psycopg.Connection):
    owned = application.execute(
        "SELECT relname FROM pg_class WHERE relowner = current_user::regrole"
        " UNION ALL SELECT proname FROM pg_proc WHERE proowner = current_user::regrole"
    )
    assert owned.fetchall() == []


def test_a_new_role_can_call_none_of_the_functions(django_db_setup: None):
    with rolled_back(OWNER) as owner:
        found = owner.execute(
            "SELECT proname FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace"
            "   AND has_function_privilege('pg_monitor', oid, 'EXECUTE')"
        )
        assert found.fetchall() == []


def test_the_application_role_makes_months_of_registered_tables_only(
    application: psycopg.Connection,
):
    application.execute("SELECT create_monthly_partition('events', '2101-07-15')")
    assert "events_2101_07" in partitions(application, "events")
    for table in ("merchants", "refunds", "nothing", "events; DROP TABLE refunds", 'e"vents', ""):
        with pytest.raises(psycopg.errors.UndefinedTable), application.transaction():
            application.execute("SELECT create_monthly_partition(%s, '2101-07-15')", [table])


def test_a_temporary_table_does_not_stand_in_for_the_register(application: psycopg.Connection):
    application.execute("CREATE TEMPORARY TABLE monthly_tables AS SELECT 'refunds' AS table_name")
    with pytest.raises(psycopg.errors.UndefinedTable):
        application.execute("SELECT create_monthly_partition('refunds', '2101-07-15')")


def test_the_application_role_refreshes_the_monthly_view(application: psycopg.Connection):
    application.rollback()
    application.autocommit = True
    application.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")
