"""Django's PostgreSQL backend with a pool that gives the connection that was used last, and none
that died while it lay idle.

After a restart of the server every idle connection of every process is dead, and without this each
would cost a request: they would trickle out as 503 long after the server is back. Django's own
remedy (``CONN_HEALTH_CHECKS``) asks the server once per request; looking at the socket costs a
microsecond and no answer.
"""

import select
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class LastUsedFirstPool(ConnectionPool[Any]):
    """Gives the connection that came back last, where psycopg's own takes turns.

    The server's process behind it still has its plans and catalogue near the processor. Taking
    turns, a pool that a busy minute has left large makes every statement a fifth dearer.
    """

    def _get_ready_connection(self, timeout: float | None) -> Any:
        self._pool.rotate(1)
        return super()._get_ready_connection(timeout)


class DatabaseWrapper(base.DatabaseWrapper):
    """Used by its place: ``ENGINE`` names the folder.

    A request takes a connection and gives it back, so what Django does then is done by every
    request; what can be left out of it is.
    """

    @property
    def pool(self) -> LastUsedFirstPool | None:
        """This process's pool for the alias, as Django makes it but for its class, and without
        ``CONN_HEALTH_CHECKS``: ``get_new_connection`` has a cheaper one."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pools: dict[str, LastUsedFirstPool] = self._connection_pools  # type: ignore[attr-defined]
        if self.alias not in pools:
            pool = LastUsedFirstPool(
                kwargs={**self.get_connection_params(), "autocommit": True},
                open=False,
                configure=self._configure_connection,  # type: ignore[attr-defined]
                **options,
            )
            # Of threads that come at once, the first one's pool is everybody's.
            pools.setdefault(self.alias, pool)
        return pools[self.alias]

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
