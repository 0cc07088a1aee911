"""Payments, customers and events for the search bench."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from bench.environment import Database
from bench.list_data import triggers_off

_ROWS = (Path(__file__).resolve().parent / "search_rows.sql").read_text()
CUSTOMERS = 20_000
OTHER_MERCHANTS = 1_000

_CUSTOMERS = """
INSERT INTO customers (merchant_id, environment, email)
SELECT %s, 'test', (ARRAY['ann', 'ben', 'cleo', 'dora', 'emil', 'fay', 'gus', 'ida'])[1 + number %% 8]
       || '.' || (ARRAY['lee', 'moss', 'north', 'oake', 'penn', 'quill', 'rowe'])[1 + number %% 7]
       || number || '@example.org'
  FROM generate_series(1, %s) AS number
RETURNING id
"""
_EVENTS = """
INSERT INTO events (aggregatetype, aggregateid, type, sequence, payload, merchant_id, environment,
                    actor_kind)
SELECT 'transaction', id::text, 'transaction.succeeded', 2,
       jsonb_build_object('object', jsonb_build_object('id', id, 'amount', amount, 'status', status)),
       merchant_id, environment, 'system'
  FROM (SELECT * FROM transactions ORDER BY id LIMIT %s) AS payment
"""


def make_customers(database: Database, merchant_id: UUID) -> list[UUID]:
    """Customers of the merchant, with addresses."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        return [row[0] for row in owner.execute(_CUSTOMERS, [merchant_id, CUSTOMERS]).fetchall()]


def fill_payments(
    database: Database,
    *,
    busy: UUID,
    customers: list[UUID],
    rows: int,
    first: int,
    start: datetime,
    days: int,
) -> None:
    """Writes ``rows`` payments over ``days`` days from ``start``; order numbers from ``first``."""
    others = [uuid4() for _ in range(OTHER_MERCHANTS)]
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for day in range(days + 1):
            month = (start + timedelta(days=day)).date()
            owner.execute("SELECT create_monthly_partition('transactions', %s)", [month])
    with triggers_off(database), psycopg.connect(database.owner_url) as owner:
        owner.execute("SET synchronous_commit = off")
        owner.execute(
            _ROWS.encode(),
            {
                "rows": rows,
                "first": first,
                "start": start,
                "days": days,
                "busy": busy,
                "others": others,
                "customers": customers,
            },
        )
        owner.execute(
            "UPDATE merchants SET history_starts_at = least(history_starts_at, %s) WHERE id = %s",
            [start, busy],
        )
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE) transactions")


def write_events(database: Database, count: int) -> str:
    """One event of each of the oldest ``count`` payments; the snapshot just before, as text."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        row = owner.execute("SELECT pg_current_snapshot()::text").fetchone()
        owner.execute(_EVENTS, [count])
        owner.execute("VACUUM (ANALYZE) events")
    return str(row[0] if row else "")
