"""Readers' cursors of the log and the ledger, and what becomes of them in another cluster.

A cursor is a snapshot of transaction ids (``docs/database.md``), and these are one cluster's own.
After a logical restore every row has the ids of the cluster that it came from. Readers stop then
(``cursor_snapshot`` in SQL), until the rows are renumbered and each reader has started over.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, connection, transaction

from payments_project.database.transaction_manager import sqlstate
from payments_project.errors import Unavailable

logger = logging.getLogger(__name__)

_ANOTHER_CLUSTER = "PC001"


class CursorOfAnotherCluster(Unavailable):
    """The reader's cursor was written in another cluster: ``rebase_event_cursors`` must run."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader by its cursor's name: the table that it reads, and how it reads all of it anew.

    ``start_over`` runs in the rebasing transaction, with a cursor that has seen nothing.
    """

    name: str
    table: str
    start_over: Callable[[], None]


_READERS: dict[str, Reader] = {}


def register_reader(reader: Reader) -> None:
    """Has a reader take part in rebasing; called once, when its app starts."""
    _READERS[reader.name] = reader


@contextmanager
def reading_by_cursor() -> Iterator[None]:
    """Around a statement that calls ``cursor_snapshot``. Raises ``CursorOfAnotherCluster``."""
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) != _ANOTHER_CLUSTER:
            raise
        logger.critical("%s", error)
        raise CursorOfAnotherCluster(
            "This can't be told until the restore of the database is completed.", retry_after=60
        ) from error


def rebase_cursors() -> dict[str, int]:
    """Makes every cursor of another cluster one of this; rows renumbered, by table.

    One transaction, in which nobody else writes to these tables; as the role that owns them. Rows
    whose transaction ids this cluster has still to come to are given one that all have seen. Then
    each reader starts over: what it had seen of the rows that came with the restore, and what was
    written since, can't be told apart by ids any more. Does nothing where no cursor is of another
    cluster. Raises ``KeyError`` for a cursor without a registered reader.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM event_cursors WHERE system_identifier <>"
            " (SELECT system_identifier FROM pg_control_system()) ORDER BY name FOR UPDATE"
        )
        readers = [_READERS[name] for (name,) in cursor.fetchall()]
        renumbered = {}
        for table in sorted({reader.table for reader in readers}):
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute(
                f"UPDATE {table} SET xid = '3' WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
            )
            renumbered[table] = int(cursor.rowcount)
        for reader in readers:
            cursor.execute(
                "UPDATE event_cursors SET snapshot = '3:3:', updated_at = now(), system_identifier"
                " = (SELECT system_identifier FROM pg_control_system()) WHERE name = %s",
                [reader.name],
            )
            reader.start_over()
        return renumbered
