"""Refreshing the materialized view."""

from django.db import connection


def refresh_monthly_stats() -> None:
    """Recomputes ``merchant_monthly_stats`` without blocking its readers; takes minutes at most.

    The application role may do it by ``GRANT MAINTAIN``. Two at once wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '30min'")
        try:
            cursor.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY merchant_monthly_stats")
        finally:
            cursor.execute("RESET statement_timeout")
