"""Refreshing the materialized view."""

from django.db import connection, transaction

TIMEOUT_SECONDS = 1800


def refresh_monthly_stats() -> None:
    """Recomputes ``merchant_monthly_stats`` without blocking its readers; takes minutes, and ``TIMEOUT_SECONDS`` at most.

    The application role may do it by ``GRANT MAINTAIN``. Two at once wait for each other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # For this transaction only: a session's settings would stay behind PgBouncer.
        cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")
