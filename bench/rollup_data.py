"""Rows for the roll-up bench: payments of 36 months, one day that is far busier than any other,
and refunds and chargebacks of some of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import psycopg

from bench.environment import Database
from bench.list_data import ListMerchants, fill_span, fill_transactions, month_starts, triggers_off

MONTHS = 36
MERCHANTS = 3_000
# The merchants' smallest, who has as many payments whatever the size of the database.
SPARSE_ROWS = 1_200

_MERCHANTS = """
INSERT INTO merchants (id, business_name, email, address, status)
SELECT id, 'Bench', id || '@example.com', '{}', 'active' FROM unnest(%s::uuid[]) AS id
"""
# A payment in thirty is refunded in full (``list_rows.sql``); of the others a few in part.
_PARTIAL_REFUNDS = """
UPDATE transactions SET refunded_amount = amount / 2
 WHERE status = 'succeeded' AND hashtext(id::text) % 400 = 7
"""
_REFUNDS = """
INSERT INTO refunds (id, transaction_id, merchant_id, environment, amount, currency, status,
                     processed_at, event_sequence)
SELECT uuidv7(created_at - clock_timestamp() + interval '1 minute'), id, merchant_id, environment,
       refunded_amount, currency, 'succeeded', created_at, 2
  FROM transactions WHERE refunded_amount > 0
"""
_DISPUTES = """
INSERT INTO disputes (id, transaction_id, merchant_id, environment, dispute_type, reason_code,
                      amount, currency, status, event_sequence)
SELECT uuidv7(created_at - clock_timestamp() + interval '1 minute'), id, merchant_id, environment,
       CASE WHEN draw % 5 = 0 THEN 'inquiry' ELSE 'chargeback' END,
       CASE WHEN draw % 2 = 0 THEN 'fraudulent' ELSE 'general' END, amount, currency, 'open', 1
  FROM transactions, LATERAL (SELECT abs(hashtext(id::text)) / 500 AS draw) AS drawn
 WHERE status = 'succeeded' AND abs(hashtext(id::text)) % 500 = 11
"""


@dataclass(frozen=True, slots=True)
class BusyDay:
    """The day with most payments, when it began (UTC)."""

    start: datetime
    payments: int


def fill(database: Database, *, rows: int, day_rows: int) -> BusyDay:
    """Writes ``rows`` payments, of which ``day_rows`` more than its share are made on one day of
    the newest whole month, and what became of them; then analyses.

    As the owner, with the tables' triggers off, as ``fill_transactions`` does.
    """
    merchants = ListMerchants(
        hot=uuid4(), sparse=uuid4(), idle=uuid4(), others=[uuid4() for _ in range(MERCHANTS)]
    )
    with psycopg.connect(database.owner_url) as owner:
        everyone = [merchants.hot, merchants.sparse, merchants.idle, *merchants.others]
        owner.execute(_MERCHANTS, [everyone])
    fill_transactions(
        database=database,
        merchants=merchants,
        rows=rows - day_rows,
        months=MONTHS,
        sparse_rows=SPARSE_ROWS,
    )
    start = month_starts(MONTHS)[-1] + timedelta(days=14)
    with (
        triggers_off(database),
        triggers_off(database, "refunds"),
        triggers_off(database, "disputes"),
    ):
        _fill_day(database, merchants, start, day_rows)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE) transactions, refunds, disputes")
        counted = owner.execute(
            "SELECT count(*) FROM transactions"
            " WHERE id >= uuidv7_floor(%s) AND id < uuidv7_floor(%s)",
            [start, start + timedelta(days=1)],
        ).fetchone()
    return BusyDay(start, int(counted[0]) if counted else 0)


def _fill_day(database: Database, merchants: ListMerchants, start: datetime, day_rows: int) -> None:
    fill_span(
        database=database,
        merchants=merchants,
        start=start,
        length=timedelta(days=1),
        rows=day_rows,
        sparse_step=max(2, day_rows // 50),
    )
    with psycopg.connect(database.owner_url) as owner:
        for statement in (_PARTIAL_REFUNDS, _REFUNDS, _DISPUTES):
            owner.execute(statement.encode())
