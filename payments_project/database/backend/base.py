"""Django's PostgreSQL backend whose pool gives no connection that died while it lay idle.

After a restart of the server every idle connection of every process is dead, and without this each
would cost a request: they would trickle out as 503 long after the server is back. Django's own
remedy (``CONN_HEALTH_CHECKS``) asks the server once per request; looking at the socket costs a
microsecond and no answer.
"""

import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Used by its place: ``ENGINE`` names the folder.

    A request takes a connection and gives it back, so what Django does then is done by every
    request; what can be left out of it is.
    """

    def get_connection_params(self) -> dict[str, Any]:
        """What a connection is made with; nothing once the pool, which makes them, has it."""
        if self.alias in self._connection_pools:  # type: ignore[attr-defined]
            return {}
        parameters: dict[str, Any] = super().get_connection_params()
        return parameters

    def _set_autocommit(self, autocommit: bool) -> None:
        """Psycopg takes a lock and looks for a transaction even where nothing is to be changed."""
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool that its server has not closed.

        A connection that does not answer at all, its host having vanished, is not recognised:
        ``tcp_user_timeout`` ends that.
        """
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        if pool is None:
            return connection
        # Each dead one is replaced; there can't be more of them than the pool holds.
        for _ in range(pool.max_size):
            if not _has_ended(connection):
                break
            connection.close()
            pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


def _has_ended(connection: Any) -> bool:
    """Whether the server has spoken last: nobody asked it, so it said goodbye or is gone."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
