"""Reading the event log by a cursor that is a snapshot: nothing is missed, whatever overlaps.

A reader takes what its new snapshot sees and its last one did not, in the order of ``position``,
which is drawn under the object's lock: of one object's events none overtakes another. A backlog
that is longer than a page is read in pages between one fixed pair of snapshots, so that this holds
from page to page; ``event_cursors`` keeps the pair and how far it was read, and a reader that died
goes on there. Only on the primary: a standby's snapshot leaves out transactions in progress.
See docs/events.md.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from payments_project.events.logged import COLUMNS, EventRow
from payments_project.events.reader_connection import ReaderConnection

# Positions that one page looks through at once, in pages' lengths: rolled back transactions, other
# readers' objects and rows that were taken before leave holes in them.
WINDOW_PAGES = 4
# So often is a cursor written that moved past nothing of its own.
IDLE_WRITE_SECONDS = 5.0

_BORN = """
INSERT INTO event_cursors (name, reads, snapshot, system_identifier)
SELECT %s, 'events', '3:3:', system_identifier FROM pg_control_system()
ON CONFLICT (name) DO NOTHING
"""
_LOAD = """
SELECT cursor_snapshot(name)::text, target::text, position,
       coalesce(pg_sequence_last_value('events_position_seq'), 0)
  FROM event_cursors WHERE name = %s
"""
_UNSEEN = """xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
       AND NOT pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot)"""
# The rows of a page are chosen first and made into text then: with the columns in the same SELECT,
# PostgreSQL makes the text of every row that it sorts.
_NEWEST = f"""
WITH fresh AS MATERIALIZED (
    SELECT {COLUMNS}
      FROM (SELECT * FROM events
             WHERE {_UNSEEN} {{objects}}
             ORDER BY position LIMIT %(limit)s) AS events
)
SELECT pg_current_snapshot()::text, coalesce(pg_sequence_last_value('events_position_seq'), 0), fresh.*
  FROM (VALUES (1)) AS one LEFT JOIN fresh ON true
"""
_WINDOW = f"""
SELECT {COLUMNS}
  FROM (SELECT * FROM events
         WHERE position > %(after)s AND position <= %(until)s
           AND {_UNSEEN} AND pg_visible_in_snapshot(xid, %(target)s::pg_snapshot) {{objects}}
         ORDER BY position LIMIT %(limit)s) AS events
 ORDER BY events.position
"""
_MOVE = """
UPDATE event_cursors SET snapshot = %(seen)s::pg_snapshot, target = %(target)s::pg_snapshot,
       position = %(position)s, updated_at = now()
 WHERE name = %(name)s
"""
_OBJECTS = "AND (aggregatetype = ANY(%(objects)s)) = %(included)s"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects' events a reader takes: those ``named``, or all but those."""

    named: tuple[str, ...] = ()
    is_excluded: bool = True

    def takes(self, aggregatetype: str) -> bool:
        """Whether events of this kind of object are the reader's."""
        return (aggregatetype in self.named) is not self.is_excluded


EVERYTHING = Selection()


class LogReader:
    """One reader's way through the log. The caller holds the reader's lock on ``connection``.

    ``read`` gives the next page and ``advance`` makes it taken: a page that is not, for whatever
    reason, is read again by whoever comes next. Making one raises ``CursorOfAnotherCluster``'s
    SQLSTATE PC001 after a logical restore (docs/database.md).
    """

    def __init__(
        self,
        connection: ReaderConnection,
        *,
        name: str,
        selection: Selection = EVERYTHING,
        page_events: int = 5_000,
    ) -> None:
        self._connection = connection
        self._name = name
        self._page_events = page_events
        self._objects = _OBJECTS if selection.named else ""
        self._selection = selection
        connection.execute(_BORN, [name])
        row = connection.execute(_LOAD, [name]).fetchone()
        assert row is not None, "it was just made"  # noqa: S101
        self._seen, self._target, self._position, self._last_position = row
        self._next: tuple[str, str | None, int] | None = None
        self._written_at = time.monotonic()

    def read(self) -> Sequence[EventRow]:
        """The next events in order, at most a page; none if there are none now."""
        if self._target is not None:
            rows = self._read_window(self._target)
            if rows:
                return rows
            self._finish_target()
        return self._read_newest()

    @property
    def is_at_the_end(self) -> bool:
        """Whether nothing is left of what the last read that found something new saw."""
        return self._target is None

    def advance(self) -> None:
        """Makes the page that was read last taken, for good."""
        if self._next is None:
            return
        self._seen, self._target, self._position = self._next
        self._next = None
        self._write()

    def _read_newest(self) -> Sequence[EventRow]:
        found = self._connection.execute(
            _NEWEST.format(objects=self._objects),
            {"seen": self._seen, "limit": self._page_events + 1, **self._object_parameters()},
        ).fetchall()
        newest, last_position = found[0][:2]
        rows = [EventRow._make(row[2:]) for row in found if row[2] is not None]
        # The join keeps the rows' order by luck only.
        rows.sort(key=lambda row: row.position)
        if not rows:
            self._pass_by(newest)
            return ()
        if len(rows) <= self._page_events:
            self._next = (newest, None, rows[-1].position)
            return rows
        rows.pop()
        self._last_position = last_position
        self._next = (self._seen, newest, rows[-1].position)
        return rows

    def _read_window(self, target: str) -> Sequence[EventRow]:
        """The target's next page; empty when there is nothing left of it."""
        after = self._position
        width = self._page_events * WINDOW_PAGES
        while after < self._last_position:
            until = after + width
            found = self._connection.execute(
                _WINDOW.format(objects=self._objects),
                {
                    "seen": self._seen,
                    "target": target,
                    "after": after,
                    "until": until,
                    "limit": self._page_events,
                    **self._object_parameters(),
                },
            ).fetchall()
            if found:
                rows = [EventRow._make(row) for row in found]
                self._next = (self._seen, target, rows[-1].position)
                return rows
            after = until
        return ()

    def _finish_target(self) -> None:
        self._next = (self._target or self._seen, None, self._position)
        self.advance()

    def _pass_by(self, newest: str) -> None:
        """Nothing of ours was written meanwhile. Remembered, so that the next look is short;
        written down now and then, so that a reader after us need not look far either."""
        moved = newest != self._seen
        self._seen = newest
        if moved and time.monotonic() - self._written_at > IDLE_WRITE_SECONDS:
            self._write()

    def _write(self) -> None:
        moved = self._connection.execute(
            _MOVE,
            {
                "name": self._name,
                "seen": self._seen,
                "target": self._target,
                "position": self._position,
            },
        )
        if moved.rowcount != 1:
            raise RuntimeError(f"the cursor {self._name} is gone")
        self._written_at = time.monotonic()

    def _object_parameters(self) -> dict[str, object]:
        if not self._selection.named:
            return {}
        return {
            "objects": list(self._selection.named),
            "included": not self._selection.is_excluded,
        }
