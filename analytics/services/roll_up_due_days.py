"""Computing the summaries that are due: those of merchants' days in which something changed."""

import time

from django.db import connection

from analytics.daily_summaries import (
    IS_CHARGEBACK,
    OF_DISPUTES,
    OF_PAYMENTS,
    OR_UPDATE,
    VALUES,
    WRITE,
    WRITERS_LOCK,
    SummaryKey,
)
from payments_project.database.transaction_manager import run_in_transaction
from transactions.locking import try_advisory_lock, wait_for_advisory_lock

# A run begins no batch after this. With the last one's time-out it ends before the task's limit.
RUN_SECONDS_MAX = 90
BATCH_SECONDS_MAX = 180
# A batch looks at so many due rows, and takes so many summaries of at most so many payments as
# they had when they were computed last; one at least.
ROWS_LOOKED_AT = 20_000
BATCH_KEYS = 5_000
BATCH_PAYMENTS = 1_000_000
# A summary of more payments than this is not computed again before it is so old.
BUSY_PAYMENTS = 100_000
BUSY_SECONDS = 300

# Whether a day is busy is asked row by row: a join might read all summaries.
_TAKE = """
WITH looked_at AS MATERIALIZED (
    SELECT id, merchant_id, environment, summary_date, currency, created_at
      FROM summary_days_due AS due
     WHERE NOT coalesce((
           SELECT transaction_count > %(busy_payments)s AND updated_at
                      > statement_timestamp() - make_interval(secs => %(busy_seconds)s)
             FROM daily_transaction_summaries AS summary
            WHERE summary.merchant_id = due.merchant_id
              AND summary.environment = due.environment
              AND summary.summary_date = due.summary_date
              AND summary.currency = due.currency), false)
     ORDER BY id LIMIT %(rows)s
), keys AS MATERIALIZED (
    SELECT merchant_id, environment, summary_date, currency, min(created_at) AS due_at,
           coalesce((SELECT transaction_count FROM daily_transaction_summaries AS summary
                      WHERE summary.merchant_id = looked_at.merchant_id
                        AND summary.environment = looked_at.environment
                        AND summary.summary_date = looked_at.summary_date
                        AND summary.currency = looked_at.currency), 0) AS payments
      FROM looked_at
     GROUP BY merchant_id, environment, summary_date, currency
), chosen AS MATERIALIZED (
    SELECT *
      FROM (SELECT keys.*, row_number() OVER oldest_first AS place,
                   sum(payments) OVER oldest_first - payments AS payments_before
              FROM keys WINDOW oldest_first AS (
                   ORDER BY due_at, merchant_id, environment, summary_date, currency)) AS ordered
     WHERE place <= %(keys)s AND payments_before < %(payments)s
), taken AS (
    DELETE FROM summary_days_due AS due USING looked_at
      JOIN chosen USING (merchant_id, environment, summary_date, currency)
     WHERE due.id = looked_at.id
)
SELECT merchant_id, environment, summary_date, currency FROM chosen
"""

# The merchants' payments of the days by their index; the few chargebacks of those days at once.
# No foreign key ties payments to merchants, and one of nobody's (which the auditor finds) would keep
# all others from being counted.
_COMPUTE = f"""
WITH due AS MATERIALIZED (
    SELECT merchant_id, environment, summary_date, array_agg(currency) AS currencies,
           uuidv7_floor(summary_date::timestamp AT TIME ZONE 'UTC') AS first_id,
           uuidv7_floor((summary_date + 1)::timestamp AT TIME ZONE 'UTC') AS end_id
      FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::text[])
           AS given (merchant_id, environment, summary_date, currency)
     GROUP BY merchant_id, environment, summary_date
), disputed AS MATERIALIZED (
    SELECT dispute.merchant_id, dispute.environment, day.summary_date, dispute.currency,
           {OF_DISPUTES}
      FROM (SELECT DISTINCT summary_date, first_id, end_id FROM due) AS day
      JOIN disputes AS dispute
        ON dispute.transaction_id >= day.first_id AND dispute.transaction_id < day.end_id
     WHERE {IS_CHARGEBACK}
     GROUP BY dispute.merchant_id, dispute.environment, day.summary_date, dispute.currency
)
{WRITE}
SELECT due.merchant_id, due.environment, due.summary_date, payment.currency, {VALUES}
  FROM due
  JOIN merchants ON merchants.id = due.merchant_id
 CROSS JOIN LATERAL (
    SELECT payment.currency, {OF_PAYMENTS}
      FROM transactions AS payment
     WHERE payment.merchant_id = due.merchant_id AND payment.environment = due.environment
       AND payment.id >= due.first_id AND payment.id < due.end_id
       AND payment.currency = ANY(due.currencies)
     GROUP BY payment.currency) AS payment
  LEFT JOIN disputed
    ON disputed.merchant_id = due.merchant_id AND disputed.environment = due.environment
   AND disputed.summary_date = due.summary_date AND disputed.currency = payment.currency
{OR_UPDATE}
"""


def roll_up_due_days() -> int | None:
    """Computes the summaries that are due, the longest due first, and returns how many; None if
    another run is at it.

    No change is lost: its event is marked after it is committed, and only marks are taken that the
    transaction sees, before the statement that counts takes its snapshot. Whatever that snapshot
    does not see is marked later, by a row that no run has taken. Marks and summaries change in one
    transaction, so a run that dies leaves its marks. Safe to run twice or at once.

    Goes on until nothing is due or ``RUN_SECONDS_MAX`` are over. A busy merchant's day is left due
    until its summary is ``BUSY_SECONDS`` old.
    """
    deadline = time.monotonic() + RUN_SECONDS_MAX
    computed = 0
    while time.monotonic() < deadline:
        keys = run_in_transaction(_roll_up_batch)
        if keys is None:
            return computed or None
        if not keys:
            break
        computed += len(keys)
    return computed


def _roll_up_batch() -> list[SummaryKey] | None:
    """Takes a batch of marks and computes what they name; None if another run is at it."""
    if not try_advisory_lock("roll up due days"):
        return None
    with connection.cursor() as cursor:
        # For this transaction only: a session's settings would stay behind PgBouncer.
        cursor.execute(f"SET LOCAL statement_timeout = '{BATCH_SECONDS_MAX}s'")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute(
            _TAKE,
            {
                "busy_payments": BUSY_PAYMENTS,
                "busy_seconds": BUSY_SECONDS,
                "rows": ROWS_LOOKED_AT,
                "keys": BATCH_KEYS,
                "payments": BATCH_PAYMENTS,
            },
        )
        keys = [SummaryKey(*row) for row in cursor.fetchall()]
        if keys:
            wait_for_advisory_lock(WRITERS_LOCK)
            compute_summaries(keys)
    return keys


def compute_summaries(keys: list[SummaryKey]) -> int:
    """Computes just these summaries, in the caller's transaction, which is READ COMMITTED and holds
    ``WRITERS_LOCK``; returns how many rows it wrote. A day without payments has no row."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPUTE, [list(column) for column in zip(*keys, strict=True)])
        return int(cursor.rowcount)
