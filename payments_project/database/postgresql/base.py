"""Django's PostgreSQL engine, which never hands out a pooled connection that the server has closed.

After a restart of PostgreSQL (or of PgBouncer, or a fail-over) every idle connection of the pool is
dead, and without a look each of them would cost a request. Django's own check asks the server on
every request, a round trip; this one asks the socket, and the server only if that has something
to say.
"""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for where a connection comes from."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool that was alive a moment ago.

        Raises ``OperationalError`` when the pool can't make one in its time.
        """
        connection = super().get_new_connection(conn_params)
        # The pool's dead ones are finite; those that it makes meanwhile are fresh.
        while self.pool and _was_closed(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


def _was_closed(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has hung up. An idle connection has nothing to read: what there is, is
    the server's farewell, or a notice, which the server is then asked about."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    if not poller.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return True
    return False
