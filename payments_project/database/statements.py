"""Running one prepared statement with as little around it as the payment path can have."""

from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


def fetch_one(
    statement: str, parameters: Any = None, *, using: str = DEFAULT_DB_ALIAS
) -> tuple[Any, ...] | None:
    """Runs ``statement``, prepared where the settings allow it, on this thread's connection and returns its first row.

    As a Django cursor would: it takes part in the transaction that is open, and errors are
    Django's. Django's own cursor is used only where queries are logged.
    """
    connection = connections[using]
    if connection.queries_logged:
        with connection.cursor() as logged:
            logged.execute(statement, parameters)
            return logged.fetchone() if logged.description else None
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        cursor = connection.connection.cursor()
        cursor.execute(statement, parameters, prepare=settings.PREPARED_STATEMENTS)
        row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
        return row
