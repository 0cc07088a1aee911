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
    """A reader, by its cursor's name, of another table than the log, and how it reads all of it
    anew: ``start_over`` runs in the rebasing transaction, with a cursor that has seen nothing.

    Readers of the log need not be known here: they go on where they were (``rebase_cursors``).
    """

    name: str
    table: str
    start_over: Callable[[], None]


_READERS: dict[str, Reader] = {}


def register_reader(reader: Reader) -> None:
    """Has a reader take part in rebasing; called once, when its app starts."""
    _READERS[reader.name] = reader


def reader_tables() -> set[str]:
    """The tables that registered readers read, beside the log."""
    return {reader.table for reader in _READERS.values()}


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


# What a reader of the log has still to take, by the ids of the old cluster and by position: what
# was written since the restore has ids of this one, and a position beyond all that was restored.
_TAKEN_UP_TO = """
SELECT cursor.name, least(min(event.position), cursor.position + 1) - 1
  FROM event_cursors AS cursor
  LEFT JOIN events AS event
    ON event.xid >= pg_snapshot_xmin(coalesce(cursor.target, cursor.snapshot))
   AND NOT pg_visible_in_snapshot(event.xid, coalesce(cursor.target, cursor.snapshot))
 WHERE cursor.name = ANY(%s)
 GROUP BY cursor.name, cursor.position
"""
_GO_ON = """
UPDATE event_cursors
   SET snapshot = '3:3:', target = pg_current_snapshot(), position = %s, updated_at = now(),
       system_identifier = (SELECT system_identifier FROM pg_control_system())
 WHERE name = %s
"""
_START_OVER = """
UPDATE event_cursors
   SET snapshot = '3:3:', target = NULL, position = 0, updated_at = now(),
       system_identifier = (SELECT system_identifier FROM pg_control_system())
 WHERE name = %s
"""


def rebase_cursors() -> dict[str, int]:
    """Makes every cursor of another cluster one of this; rows renumbered, by table.

    One transaction, in which nobody else writes to these tables; as the role that owns them. Rows
    whose transaction ids this cluster has still to come to are given one that all have seen. A
    reader of the log goes on where it was, and takes some events again at most; the others start
    over: what they had seen of the rows that came with the restore, and what was written since,
    can't be told apart by ids any more. Does nothing where no cursor is of another cluster. Raises
    ``KeyError`` for a cursor of another table without a registered reader.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, reads FROM event_cursors WHERE system_identifier <>"
            " (SELECT system_identifier FROM pg_control_system()) ORDER BY name FOR UPDATE"
        )
        found = cursor.fetchall()
        of_log = [name for name, table in found if table == "events"]
        others = [_READERS[name] for name, table in found if table != "events"]
        # Of the log too where nobody has read it yet: whoever begins to would find no end.
        tables = sorted({"events", *(table for _, table in found)}) if found else []
        for table in tables:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(_TAKEN_UP_TO, [of_log])
        taken_up_to = cursor.fetchall()
        renumbered = {}
        for table in tables:
            cursor.execute(
                f"UPDATE {table} SET xid = '3' WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
            )
            renumbered[table] = int(cursor.rowcount)
        for name, position in taken_up_to:
            cursor.execute(_GO_ON, [position, name])
        for reader in others:
            cursor.execute(_START_OVER, [reader.name])
            reader.start_over()
        return renumbered
