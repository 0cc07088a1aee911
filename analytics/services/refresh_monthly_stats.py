"""Refreshing the materialized view."""

from django.db import connection, transaction


def refresh_monthly_stats() -> None:
    """Recomputes ``merchant_monthly_stats`` without blocking its readers; takes minutes at most.

    The application role may do it by ``GRANT MAINTAIN``. Two at once wait for each other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # For this transaction only: a session's settings would stay behind PgBouncer.
        cursor.execute("SET LOCAL statement_timeout = '30min'")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")
