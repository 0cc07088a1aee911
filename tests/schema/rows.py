"""Rows by raw SQL, with what a table demands filled in, and connections as either role."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.conf import settings
from psycopg import sql

from payments_project.database.uuid7 import uuid7_floor

APPLICATION = "application"
OWNER = "owner"
ROLES = (APPLICATION, OWNER)


def connect(role: str, **options: Any) -> psycopg.Connection:
    """A connection of its own to the worker's database, as the application role or the owner."""
    variable = "DATABASE_URL" if role == APPLICATION else "DATABASE_OWNER_URL"
    base, _, _ = os.environ[variable].rpartition("/")
    return psycopg.connect(f"{base}/{settings.DATABASES['default']['NAME']}", **options)


@contextmanager
def rolled_back(role: str) -> Iterator[psycopg.Connection]:
    """A transaction as ``role`` that leaves nothing behind."""
    connection = connect(role)
    try:
        yield connection
    finally:
        connection.rollback()
        connection.close()


def _required(table: str) -> dict[str, Any]:
    tenant = {"merchant_id": uuid4(), "environment": "test"}
    money = {"amount": 1000, "currency": "EUR"}
    required: dict[str, dict[str, Any]] = {
        "merchants": {
            "business_name": "Rows and Sons",
            "email": f"{uuid4()}@example.com",
            "address": "{}",
        },
        "transactions": {
            **tenant,
            **money,
            "payment_method_type": "card",
            "gateway_name": "simulator",
        },
        "refunds": {**tenant, **money},
        "disputes": {**tenant, **money, "dispute_type": "chargeback"},
        "gateway_operations": {
            "amount": 1000,
            "kind": "capture",
            "status": "pending",
            "cause": "requested",
            "actor_kind": "system",
        },
        "dispute_operations": {"kind": "submit_evidence", "actor_kind": "system"},
        "evidence_files": {
            **tenant,
            "purpose": "dispute_evidence",
            "filename": "receipt.pdf",
            "content_type": "application/pdf",
            "size": 9,
            "sha256": "0" * 64,
            "storage_name": f"{uuid4()}",
            "created_by_kind": "api_key",
        },
        "merchant_notices": {
            **tenant,
            "kind": "dispute_opened",
            "object_id": uuid4(),
            "occasion": "opened",
            "context": "{}",
        },
        "webhook_endpoints": {
            **tenant,
            "url": "https://shop.example/hooks",
            "enabled_events": ["*"],
            "secret": b"sealed",
        },
        "webhook_deliveries": {
            **tenant,
            "id": id_at(datetime.now(UTC), tail=uuid4().int >> 66),
            "endpoint_id": uuid4(),
            "event_id": uuid4(),
            "event_type": "transaction.created",
            "aggregateid": str(uuid4()),
            "position": 1,
            "next_attempt_at": "2026-01-02",
            "give_up_at": "2026-01-05",
        },
        "ledger_entries": {
            **tenant,
            **money,
            "type": "payment",
            "debit_account": "gateway",
            "credit_account": "available",
            "source_id": uuid4(),
        },
        "merchant_balances": {**tenant, "currency": "EUR"},
        "payout_accounts": {
            **tenant,
            "currency": "EUR",
            "kind": "iban",
            "holder_name": b"sealed",
            "account_number": b"sealed",
            "country": "DE",
            "last_four": "3000",
            "is_default": False,
        },
        "payouts": {
            **tenant,
            **money,
            "bank_name": "simulator",
            "requested_by_kind": "staff",
        },
        "payout_schedules": {
            **tenant,
            "currency": "EUR",
            "interval": "daily",
            "minimum_amount": 1,
        },
        "payout_exports": {
            "environment": "live",
            "currency": "EUR",
            "count": 1,
            "total": 1000,
            "content": b"sealed",
        },
        "balance_adjustments": {**tenant, **money, "reason": "Ticket 4711"},
        "external_references": {**tenant, "reference": "till-4", "transaction_id": uuid4()},
        "merchant_pending_days": {**tenant, "currency": "EUR", "available_on": "2026-01-02"},
        "events": {
            **tenant,
            "aggregatetype": "transaction",
            "aggregateid": str(uuid4()),
            "type": "transaction.created",
            "sequence": 1,
            "payload": "{}",
            "actor_kind": "system",
        },
        "payment_reviews": {**tenant, "reason": "Odd", "opened_by_kind": "staff"},
        "approvals": {
            **tenant,
            **money,
            "action": "refund",
            "object_type": "transactions.Transaction",
            "object_id": str(uuid4()),
            "values": "{}",
            "reason": "Asked for",
        },
        "approval_limits": {"action": "refund", "currency": "EUR", "amount": 1000},
        "staff_users": {
            "username": str(uuid4()),
            "password": "!",
            "first_name": "",
            "last_name": "",
            "email": "",
            "is_superuser": False,
            "is_staff": True,
            "is_active": True,
            "date_joined": "2026-01-02",
        },
        "audit": {
            "action": "tested",
            "object_type": "transaction",
            "object_id": str(uuid4()),
            "before": "{}",
            "after": "{}",
            "reason": "",
        },
    }
    return required[table]


def one(connection: psycopg.Connection, query: Any, values: Sequence[Any] = ()) -> Any:
    """The one column of a query's one row."""
    found = connection.execute(query, values).fetchall()
    assert len(found) == 1
    (value,) = found[0]
    return value


def insert_row(connection: psycopg.Connection, table: str, **values: Any) -> Any:
    """Inserts a row, other required columns filled in, and returns its id."""
    row = _required(table) | values
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder() * len(row)),
    )
    return one(connection, statement, list(row.values()))


def decided(connection: psycopg.Connection, status: str) -> dict[str, Any]:
    """What an approval in a state has besides: once it is decided, by whom and when."""
    if status == "pending":
        return {"decided_by_id": None, "decided_at": None}
    return {"decided_by_id": insert_row(connection, "staff_users"), "decided_at": "2026-01-02"}


def insert_payout(connection: psycopg.Connection, **values: Any) -> Any:
    """A payout to an account of its own."""
    account = values.pop("account_id", None) or insert_row(connection, "payout_accounts")
    return insert_row(connection, "payouts", account_id=account, **values)


def partitions(connection: psycopg.Connection, table: str) -> list[str]:
    """The names of a table's partitions."""
    found = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
        " ORDER BY 1",
        [table],
    )
    return [name for (name,) in found]


def make_months(connection: psycopg.Connection, table: str, *days: str) -> None:
    """The months of ``days``, as the product makes them."""
    for day in days:
        connection.execute("SELECT create_monthly_partition(%s, %s)", [table, day])


def id_at(moment: datetime, *, tail: int = 0) -> UUID:
    """A UUIDv7 of that millisecond; ``tail`` is its last bits."""
    return UUID(int=uuid7_floor(moment).int | tail)
