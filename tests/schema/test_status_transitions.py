"""Every move of every state machine, by raw SQL, against ``states.py``.

A row is brought into a state by legal moves, as the application role; from there each state is
tried in a savepoint. Nothing is committed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from disputes import states as dispute_states
from merchants import states as merchant_states
from payments_project.staff import states as staff_states
from tests.schema.rows import (
    APPLICATION,
    OWNER,
    decided,
    insert_payout,
    insert_row,
    one,
    rolled_back,
)
from transactions import states as transaction_states

START = ""


@dataclass(frozen=True)
class Machine:
    """A state machine, its table, how a row of that table begins in a state, and what else a
    state demands of it."""

    name: str
    table: str
    valid_status: str
    transitions: dict[str, tuple[str, ...]]
    begin: Callable[[psycopg.Connection, str], Any]
    companions: Callable[[psycopg.Connection, str], dict[str, Any]] = lambda _db, _status: {}

    @property
    def states(self) -> list[str]:
        return [state for state in self.transitions if state]


def _captured(connection: psycopg.Connection) -> Any:
    return insert_row(connection, "transactions", status="succeeded", captured_amount=1000)


def _switched(_connection: psycopg.Connection, status: str) -> dict[str, Any]:
    """What a webhook endpoint in a state has besides: one that is off, why."""
    return {"disabled_reason": None if status == merchant_states.ENABLED else "merchant"}


MACHINES = {
    machine.name: machine
    for machine in (
        Machine(
            transaction_states.MACHINE,
            "transactions",
            "valid_status",
            transaction_states.TRANSITIONS,
            lambda db, status: insert_row(db, "transactions", status=status, captured_amount=1000),
        ),
        Machine(
            transaction_states.OPERATION_MACHINE,
            "gateway_operations",
            "gateway_operations_valid_status",
            transaction_states.OPERATION_TRANSITIONS,
            lambda db, status: insert_row(
                db, "gateway_operations", status=status, transaction_id=_captured(db)
            ),
        ),
        Machine(
            transaction_states.PAYOUT_MACHINE,
            "payouts",
            "valid_payout_status",
            transaction_states.PAYOUT_TRANSITIONS,
            # With the time that a paid one has to have.
            lambda db, status: insert_payout(db, status=status, paid_at="2026-01-02"),
        ),
        Machine(
            transaction_states.PAYOUT_ACCOUNT_MACHINE,
            "payout_accounts",
            "valid_payout_account_status",
            transaction_states.PAYOUT_ACCOUNT_TRANSITIONS,
            lambda db, status: insert_row(
                db, "payout_accounts", status=status, confirmed_at="2026-01-02"
            ),
        ),
        Machine(
            dispute_states.REFUND_MACHINE,
            "refunds",
            "valid_refund_status",
            dispute_states.REFUND_TRANSITIONS,
            lambda db, status: insert_row(
                db, "refunds", status=status, transaction_id=_captured(db)
            ),
        ),
        Machine(
            dispute_states.DISPUTE_MACHINE,
            "disputes",
            "valid_dispute_status",
            dispute_states.DISPUTE_TRANSITIONS,
            lambda db, status: insert_row(
                db, "disputes", status=status, transaction_id=_captured(db)
            ),
        ),
        Machine(
            dispute_states.DISPUTE_OPERATION_MACHINE,
            "dispute_operations",
            "dispute_operations_valid_status",
            dispute_states.DISPUTE_OPERATION_TRANSITIONS,
            lambda db, status: insert_row(
                db,
                "dispute_operations",
                status=status,
                dispute_id=insert_row(db, "disputes", transaction_id=_captured(db)),
            ),
        ),
        Machine(
            merchant_states.MACHINE,
            "merchants",
            "valid_merchant_status",
            merchant_states.TRANSITIONS,
            lambda db, status: insert_row(db, "merchants", status=status),
        ),
        Machine(
            merchant_states.ENDPOINT_MACHINE,
            "webhook_endpoints",
            "webhook_endpoints_valid_status",
            merchant_states.ENDPOINT_TRANSITIONS,
            lambda db, status: insert_row(
                db, "webhook_endpoints", status=status, **_switched(db, status)
            ),
            _switched,
        ),
        Machine(
            merchant_states.DELIVERY_MACHINE,
            "webhook_deliveries",
            "webhook_deliveries_valid_status",
            merchant_states.DELIVERY_TRANSITIONS,
            lambda db, status: insert_row(db, "webhook_deliveries", status=status),
        ),
        Machine(
            transaction_states.REVIEW_MACHINE,
            "payment_reviews",
            "payment_reviews_valid_status",
            transaction_states.REVIEW_TRANSITIONS,
            lambda db, status: insert_row(
                db, "payment_reviews", status=status, transaction_id=_captured(db)
            ),
        ),
        Machine(
            staff_states.APPROVAL_MACHINE,
            "approvals",
            "approvals_valid_status",
            staff_states.APPROVAL_TRANSITIONS,
            lambda db, status: insert_row(db, "approvals", status=status, **decided(db, status)),
            decided,
        ),
    )
}

PAIRS = [
    pytest.param(machine, start, end, id=f"{machine.name}: {start or '(start)'} to {end}")
    for machine in MACHINES.values()
    for start in (START, *machine.states)
    for end in machine.states
]


@pytest.fixture
def database(django_db_setup: None) -> Iterator[psycopg.Connection]:
    with rolled_back(APPLICATION) as connection:
        yield connection


@pytest.mark.parametrize(("machine", "start", "end"), PAIRS)
def test_a_move_is_possible_exactly_when_states_py_has_it(
    database: psycopg.Connection, machine: Machine, start: str, end: str
):
    allowed = end in machine.transitions[start]
    refusal = None
    row = None if start == START else _bring_to(database, machine, start)

    try:
        with database.transaction():
            if row is None:
                row = machine.begin(database, end)
            else:
                _set_status(database, machine, row, end)
    except psycopg.errors.CheckViolation as error:
        refusal = error

    if allowed or start == end:
        assert refusal is None
        assert _status(database, machine, row) == end
    else:
        assert refusal is not None, f"{start or '(start)'} to {end} was accepted"
        assert refusal.sqlstate == "23514"
        assert refusal.diag.constraint_name == f"{machine.name}_status_transition"
        assert row is None or _status(database, machine, row) == start


@pytest.mark.parametrize("name", MACHINES)
def test_database_holds_the_moves_of_states_py_and_no_other(
    database: psycopg.Connection, name: str
):
    found = database.execute(
        "SELECT from_status, to_status FROM status_transitions WHERE machine = %s", [name]
    ).fetchall()
    transitions = MACHINES[name].transitions
    assert sorted(found) == sorted(
        (start, end) for start, ends in transitions.items() for end in ends
    )


def test_database_knows_no_other_machine(database: psycopg.Connection):
    found = database.execute("SELECT DISTINCT machine FROM status_transitions").fetchall()
    assert {name for (name,) in found} == set(MACHINES)


@pytest.mark.parametrize("name", MACHINES)
def test_the_final_states_are_final_and_every_state_can_be_reached(
    database: psycopg.Connection, name: str
):
    machine = MACHINES[name]
    for state in machine.states:
        with database.transaction():
            assert _status(database, machine, _bring_to(database, machine, state)) == state


@pytest.mark.parametrize("name", MACHINES)
def test_a_status_that_no_machine_has_is_refused(database: psycopg.Connection, name: str):
    machine = MACHINES[name]
    first = machine.transitions[START][0]
    row = machine.begin(database, first)
    for status in ("", "Pending", "unknown"):
        with pytest.raises(psycopg.errors.CheckViolation) as refusal, database.transaction():
            _set_status(database, machine, row, status)
        assert refusal.value.diag.constraint_name == machine.valid_status


def test_a_move_is_checked_in_the_partition_too(django_db_setup: None):
    with rolled_back(OWNER) as database:
        row = insert_row(database, "transactions")
        partition = one(
            database, "SELECT tableoid::regclass::text FROM transactions WHERE id = %s", [row]
        )
        with pytest.raises(psycopg.errors.CheckViolation) as refusal:
            database.execute(
                f"UPDATE {partition} SET status = 'refunded', captured_amount = 1000 WHERE id = %s",
                [row],
            )
        assert refusal.value.diag.constraint_name == "transaction_status_transition"


def test_upsert_and_merge_are_checked_too(database: psycopg.Connection):
    row = insert_row(database, "transactions", status="pending")
    for statement in (
        "INSERT INTO transactions (id, merchant_id, environment, amount, currency,"
        " payment_method_type, gateway_name) VALUES (%s, uuidv7(), 'test', 1, 'EUR', 'card', 'x')"
        " ON CONFLICT (id) DO UPDATE SET status = 'refunded', captured_amount = 1",
        "MERGE INTO transactions USING (SELECT %s::uuid AS id) AS wanted"
        " ON transactions.id = wanted.id"
        " WHEN MATCHED THEN UPDATE SET status = 'refunded', captured_amount = 1",
    ):
        with pytest.raises(psycopg.errors.CheckViolation) as refusal, database.transaction():
            database.execute(statement, [row])
        assert refusal.value.diag.constraint_name == "transaction_status_transition"


def _bring_to(database: psycopg.Connection, machine: Machine, state: str) -> Any:
    """A row in ``state``, by the shortest legal way there."""
    ways: list[list[str]] = [[first] for first in machine.transitions[START]]
    while ways:
        way = ways.pop(0)
        if way[-1] == state:
            row = machine.begin(database, way[0])
            for step in way[1:]:
                _set_status(database, machine, row, step)
            return row
        ways += [[*way, step] for step in machine.transitions[way[-1]] if step not in way]
    raise AssertionError(f"no way leads to {machine.name} {state}")


def _set_status(database: psycopg.Connection, machine: Machine, row: Any, status: str) -> None:
    values = {"status": status} | machine.companions(database, status)
    assignments = ", ".join(f"{name} = %s" for name in values)
    database.execute(
        f"UPDATE {machine.table} SET {assignments} WHERE id = %s", [*values.values(), row]
    )


def _status(database: psycopg.Connection, machine: Machine, row: Any) -> str:
    status: str = one(database, f"SELECT status FROM {machine.table} WHERE id = %s", [row])
    return status
