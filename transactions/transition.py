"""Moving a transaction to its next state: one statement writes all that belongs together.

The row, its event, its ledger entries and the reply stored under the idempotency key are written
by a single SQL statement. Run in autocommit that is one round trip and one commit: the payment
path's second phase. Run inside a transaction it is one part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, ProgrammingError, connection
from django.db.transaction import on_commit
from psycopg.types.numeric import Int2, Int8

from payments_project.actor import Actor
from payments_project.database.partitions import (
    MONTHS_MADE_MAX,
    create_missing_month,
    into_this_month,
    is_of_another_month,
    partition_of,
)
from payments_project.database.statements import fetch_one
from payments_project.events.record import EVENT_COLUMNS, event_payload
from payments_project.events.wake import events_written
from payments_project.idempotency.keys import Reply
from payments_project.json_text import json_text
from transactions.ledger import ENTRY_COLUMNS, Movement, movement_rows
from transactions.models import Transaction
from transactions.snapshot import net_amount, transaction_snapshot


@dataclass(frozen=True, slots=True)
class Change:
    """The next state and what changes with it; None leaves a value as it is."""

    status: str
    captured_amount: int | None = None
    fee_amount: int | None = None
    gateway_transaction_id: str | None = None
    gateway_response: dict[str, Any] | None = None
    failure_code: str | None = None
    decline_code: str | None = None
    failure_message: str | None = None
    fraud_score: Decimal | None = None
    risk_level: str | None = None
    authorization_expires_at: datetime | None = None
    movements: Sequence[Movement] = field(default_factory=tuple)


_COLUMNS = tuple(f.name for f in fields(Change) if f.name not in ("status", "movements"))
_ASSIGNMENTS = {name: f"{name} = %({name})s," for name in _COLUMNS} | {
    "gateway_response": "gateway_response = %(gateway_response)s::jsonb,"
}

# "IS TRUE" keeps the planner from the index on status, where every payment of the last minutes has
# left a dead "pending" entry: it would walk past all of them to find one row.
_ADVANCE = """
WITH payment AS (
    UPDATE {partition} SET
        status = %(status)s,
        {assignments}
        updated_at = %(updated_at)s,
        revision = revision + 1,
        event_sequence = event_sequence + 1
     WHERE id = %(id)s AND (status = %(expected)s) IS TRUE
    RETURNING id, merchant_id, environment, currency, event_sequence, revision
), event AS (
    INSERT INTO events ({event_columns})
    SELECT 'transaction', id::text, %(event_type)s, event_sequence, %(payload)s::jsonb,
           merchant_id, environment, %(actor_kind)s, %(actor_id)s::uuid, %(request_id)s,
           %(idempotency_key)s
      FROM payment
), {entries}reply AS (
    UPDATE idempotency_keys SET recovery_point = 'finished', locked_until = NULL,
           finished_at = now(), response_status = %(reply_status)s,
           response_body = %(reply_body)s, response_secrets = %(reply_secrets)s
      FROM payment
     WHERE idempotency_keys.id = %(key_id)s::uuid AND recovery_point = 'started'
)
SELECT event_sequence, revision FROM payment
"""

_ENTRIES = """entry AS (
    INSERT INTO ledger_entries ({entry_columns})
    SELECT merchant_id, environment, currency, payment.id, movement.*
      FROM payment, {movement_rows}
), """


def apply_change(transaction: Transaction, change: Change) -> None:
    """Sets ``change`` on the object in memory, as the database will have it."""
    transaction.status = change.status
    for name, value in _changed(change).items():
        setattr(transaction, name, value)
    transaction.net_amount = net_amount(transaction)
    # The host's clock may lag behind PostgreSQL's, which made created_at.
    transaction.updated_at = max(datetime.now(UTC), transaction.created_at)


def move_locked_transaction(*, transaction: Transaction, change: Change, actor: Actor) -> None:
    """Applies ``change`` to a transaction whose row the caller has locked, and writes it.

    Raises ``RuntimeError`` if the row was in another state than the object, which the lock rules
    out: going on would commit the caller's part and leave out the event and the ledger entries.
    """
    expected = transaction.status
    apply_change(transaction, change)
    if not advance_transaction(
        transaction=transaction, expected=expected, change=change, actor=actor
    ):
        raise RuntimeError(
            f"Transaction {transaction.pk} was not {expected}: its row was not locked."
        )


def advance_transaction(
    *,
    transaction: Transaction,
    expected: str,
    change: Change,
    actor: Actor,
    key_id: UUID | None = None,
    reply: Reply | None = None,
) -> bool:
    """Writes ``change`` if the row still is in state ``expected``; False if it is not.

    ``transaction`` must hold the change already (``apply_change``). The event is
    ``transaction.<status>``. With ``key_id``, ``reply`` is stored under that key.
    Nothing is written when the state differs: somebody else has moved it, read it again.
    """
    changed = _changed(change)
    parameters = {
        **{name: _parameter(value) for name, value in changed.items()},
        "id": transaction.pk,
        "expected": expected,
        "status": change.status,
        "updated_at": transaction.updated_at,
        "event_type": f"transaction.{change.status}",
        "payload": event_payload(
            object_type="transaction",
            object_id=transaction.pk,
            environment=transaction.environment,
            data=transaction_snapshot(transaction),
            previous={"status": expected},
        ),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "request_id": actor.request_id,
        "idempotency_key": actor.idempotency_key,
        "key_id": key_id,
        "reply_status": None if reply is None else Int2(reply.status),
        "reply_body": None if reply is None else reply.body,
        "reply_secrets": None if reply is None else reply.sealed_secrets(),
    }
    rows = None
    if change.movements:
        rows, amounts = movement_rows(change.movements)
        parameters |= amounts
    partition = partition_of("transactions", transaction.pk)
    statement = _advance_statement(partition, tuple(changed), rows)
    row = execute_payment_statement(statement, parameters)
    if row is None:
        return False
    transaction.event_sequence, transaction.revision = row
    return True


def _changed(change: Change) -> dict[str, Any]:
    """The columns beside the status that ``change`` gives a value."""
    values = {name: getattr(change, name) for name in _COLUMNS}
    return {name: value for name, value in values.items() if value is not None}


def _parameter(value: Any) -> Any:
    if isinstance(value, int):
        return Int8(value)
    return json_text(value) if isinstance(value, dict) else value


@cache
def _advance_statement(partition: str, columns: tuple[str, ...], rows: str | None) -> str:
    """One statement for each set of columns that changes, and of kinds of movements: most changes
    are of a few. Without ``rows`` no money moves."""
    entries = ""
    if rows is not None:
        entries = _ENTRIES.format(entry_columns=ENTRY_COLUMNS, movement_rows=rows)
    return _ADVANCE.format(
        partition=partition,
        assignments="\n        ".join(_ASSIGNMENTS[name] for name in columns),
        event_columns=EVENT_COLUMNS,
        entries=entries,
    )


def execute_payment_statement(statement: str, parameters: dict[str, Any]) -> Any:
    """Runs one statement of the payment path, which writes events, and returns its first row.

    In autocommit its rows go to this month by name, and if that is not theirs, wherever they
    belong. A row whose month has no partition makes the month and runs the statement once more; a
    month that nothing was made for is missing once per table.
    """
    if connection.in_atomic_block:
        row = fetch_one(statement, parameters)
        on_commit(events_written)
        return row
    row = _fetch_in_autocommit(statement, parameters)
    events_written()
    return row


def _fetch_in_autocommit(statement: str, parameters: dict[str, Any]) -> Any:
    try:
        return fetch_one(into_this_month(statement), parameters)
    except (IntegrityError, ProgrammingError) as error:
        if not is_of_another_month(error):
            raise
    months_left = MONTHS_MADE_MAX
    while True:
        try:
            return fetch_one(statement, parameters)
        except IntegrityError as error:
            if not months_left or not create_missing_month(error):
                raise
            months_left -= 1
