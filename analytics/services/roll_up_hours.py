"""The course of the last days, hour by hour: what the console's home page draws."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from analytics.models import PaymentHour
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor
from transactions import states
from transactions.locking import try_advisory_lock

# Older hours are not drawn; they are deleted.
DAYS_KEPT = 15
# Payments reach an hour that is over for some while: those under way, and those just captured.
HOURS_REPEATED = 2
# A payment is written so long after its id was made, at most: an hour stays open for as long.
UNDER_WAY = timedelta(minutes=2)

_PAYMENTS = """
    INSERT INTO payment_hours (environment, hour, currency, transaction_count, successful_count,
                               failed_count, captured_amount, is_closed)
    SELECT environment, date_trunc('hour', created_at, 'UTC'), currency, count(*),
           count(*) FILTER (WHERE status = ANY(%(successful)s)),
           count(*) FILTER (WHERE status = 'failed'),
           coalesce(sum(captured_amount) FILTER (WHERE status = ANY(%(successful)s)), 0),
           date_trunc('hour', created_at, 'UTC') < %(open_from)s
      FROM transactions
     WHERE id >= %(first)s AND id < %(last)s
     GROUP BY 1, 2, 3
    ON CONFLICT (environment, hour, currency) DO UPDATE SET
           transaction_count = excluded.transaction_count,
           successful_count = excluded.successful_count,
           failed_count = excluded.failed_count,
           captured_amount = excluded.captured_amount,
           is_closed = excluded.is_closed
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


def roll_up_newest_hours() -> bool:
    """Recomputes the hours (UTC) since the newest closed one, so that none is left open after a
    time without runs, and two at least; False if another run is at it. As ``roll_up_hours``."""
    now = datetime.now(UTC)
    newest = (
        PaymentHour.objects.filter(is_closed=True)
        .order_by("-hour")
        .values_list("hour", flat=True)
        .first()
    )
    if newest is None:
        return roll_up_hours(hours=24 * DAYS_KEPT)
    missed = int((now - newest) / timedelta(hours=1))
    return roll_up_hours(hours=min(24 * DAYS_KEPT, max(HOURS_REPEATED, missed)))


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
        "open_from": (now - UNDER_WAY).replace(minute=0, second=0, microsecond=0),
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
