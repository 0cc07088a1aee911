"""Refreshing the materialized view."""

from django.db import connection

from analytics.models import Projection
from payments_project.database.transaction_manager import run_in_transaction
from transactions.locking import try_advisory_lock

TIMEOUT_SECONDS = 1800

_COMPUTED = """
INSERT INTO projections (name, computed_at) VALUES (%s, statement_timestamp())
ON CONFLICT (name) DO UPDATE SET computed_at = excluded.computed_at
"""


def refresh_monthly_stats() -> bool:
    """Recomputes ``merchant_monthly_stats`` without blocking its readers; False if another run is
    at it. Takes minutes, and ``TIMEOUT_SECONDS`` at most.

    The view and the time at which it was true (``Projection``) change together: the time is taken
    before the refresh takes its snapshot, so all that was committed by then is counted. The
    application role may refresh by ``GRANT MAINTAIN``. Safe to run twice or at once.
    """

    def work() -> bool:
        if not try_advisory_lock("refresh monthly stats"):
            return False
        with connection.cursor() as cursor:
            # For this transaction only: a session's settings would stay behind PgBouncer.
            cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
            cursor.execute("SET LOCAL transaction_timeout = 0")
            cursor.execute(_COMPUTED, [Projection.MONTHLY_STATS])
            cursor.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")
        return True

    return run_in_transaction(work)
