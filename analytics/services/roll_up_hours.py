"""The course of the last days, hour by hour: what the console's home page draws."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor
from transactions import states
from transactions.locking import try_advisory_lock

# Older hours are not drawn; they are deleted.
DAYS_KEPT = 15

_PAYMENTS = """
    INSERT INTO payment_hours (environment, hour, currency, transaction_count, successful_count,
                               failed_count, captured_amount)
    SELECT environment, date_trunc('hour', created_at, 'UTC'), currency, count(*),
           count(*) FILTER (WHERE status = ANY(%(successful)s)),
           count(*) FILTER (WHERE status = 'failed'),
           coalesce(sum(captured_amount) FILTER (WHERE status = ANY(%(successful)s)), 0)
      FROM transactions
     WHERE id >= %(first)s AND id < %(last)s
     GROUP BY 1, 2, 3
    ON CONFLICT (environment, hour, currency) DO UPDATE SET
           transaction_count = excluded.transaction_count,
           successful_count = excluded.successful_count,
           failed_count = excluded.failed_count,
           captured_amount = excluded.captured_amount
"""
_DECLINES = """
    INSERT INTO decline_hours (environment, hour, code, failed_count)
    SELECT environment, date_trunc('hour', created_at, 'UTC'),
           coalesce(decline_code, failure_code, 'unknown'), count(*)
      FROM transactions
     WHERE id >= %(first)s AND id < %(last)s AND status = 'failed'
     GROUP BY 1, 2, 3
    ON CONFLICT (environment, hour, code) DO UPDATE SET failed_count = excluded.failed_count
"""


def roll_up_hours(*, hours: int) -> bool:
    """Recomputes the last ``hours`` hours (UTC) from the payments; False if another run is at it.

    A payment counts in the hour in which it was made, with the state that it has now, so that late
    captures and disputes are in the next run over its hour. Success is what the daily summaries
    call so. Safe to run twice or at once.
    """
    now = datetime.now(UTC)
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    parameters: dict[str, Any] = {
        "first": uuid7_floor(first),
        "last": uuid7_floor(now + timedelta(minutes=5)),
        "successful": list(states.SUCCESSFUL),
    }

    def work() -> bool:
        if not try_advisory_lock("roll_up_hours"):
            return False
        with connection.cursor() as cursor:
            cursor.execute(_PAYMENTS, parameters)
            cursor.execute(_DECLINES, parameters)
            for table in ("payment_hours", "decline_hours"):
                cursor.execute(
                    f"DELETE FROM {table} WHERE hour < %s", [now - timedelta(days=DAYS_KEPT)]
                )
        return True

    return run_in_transaction(work)
