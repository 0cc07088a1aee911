"""How far each reader is: what it has still to take, since when, and whether anybody is at it.

Read in one statement whose cost does not grow with a backlog: of each cursor's unread rows at most
``LOOKED_AT_MAX`` are looked at, in the order of the index that its reader goes by.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import sql

from payments_project.events.consumers import consumers
from payments_project.events.cursors import reader_tables
from payments_project.events.log_reader import EVERYTHING, Selection
from payments_project.events.models import EventCursor

UNREAD_MAX = 10_000
# Of a reader that takes few kinds of objects, others' rows lie between its own.
LOOKED_AT_MAX = 20_000
# A working reader takes what is written within a second; one that does not for so long is behind.
BEHIND_AFTER_SECONDS = 30
# Cursors without a lock of their own are moved by a worker every second, whether there is anything
# to take or not.
STILL_AFTER_SECONDS = 60

LOG = "events"

WAITING, WORKING, BEHIND, STOPPED, UNUSED = "waiting", "working", "behind", "stopped", "unused"


@dataclass(frozen=True, slots=True)
class ReaderLag:
    """A reader of the log, or of the ledger, by its cursor's name.

    ``unread`` counts up to ``UNREAD_MAX``; where ``has_more`` there are more than that. ``seconds``
    is the age of the oldest unread row, 0 where there is none. ``is_active``: a process holds the
    reader's lock, or has moved the cursor just now where there is no lock. ``is_expected``: this
    installation's settings want it to run. A reader that never ran has no ``updated_at``.
    """

    name: str
    unread: int
    has_more: bool
    seconds: float
    is_active: bool
    is_expected: bool
    is_of_this_cluster: bool
    updated_at: datetime | None

    @property
    def state(self) -> str:
        """``waiting`` (all is read), ``working``, ``behind``, ``stopped`` or ``unused``: of settings
        that hold no longer, such as a relay's without Kafka."""
        if not self.is_active or not self.is_of_this_cluster:
            return STOPPED if self.is_expected else UNUSED
        if not self.unread and not self.has_more:
            return WAITING
        return BEHIND if self.seconds >= BEHIND_AFTER_SECONDS else WORKING

    @property
    def unread_words(self) -> str:
        """``1,204``, or ``10,000+``."""
        return f"{self.unread:,}{'+' if self.has_more else ''}"


# What a cursor has seen is what its snapshot saw. While a long backlog is read in pages it is also
# all up to ``position`` of what ``target`` saw; that part is looked for by its positions, as the
# reader does, and what lies beyond the target is counted when it is reached.
_UNSEEN = (
    "row.xid >= pg_snapshot_xmin(cursor.snapshot)"
    " AND NOT pg_visible_in_snapshot(row.xid, cursor.snapshot)"
)
_LOG_ROWS = f"""
    (SELECT row.created_at, row.aggregatetype FROM events AS row
      WHERE cursor.target IS NULL AND {_UNSEEN}
      ORDER BY row.xid LIMIT {LOOKED_AT_MAX + 1})
    UNION ALL
    (SELECT row.created_at, row.aggregatetype FROM events AS row
      WHERE cursor.target IS NOT NULL AND {_UNSEEN}
        AND row.position > cursor.position AND row.position <= cursor.position + {LOOKED_AT_MAX}
      LIMIT {LOOKED_AT_MAX + 1})
"""
_OTHER_ROWS = f"""
    SELECT row.created_at, '' AS aggregatetype FROM {{table}} AS row
     WHERE {_UNSEEN}
     ORDER BY row.xid LIMIT {LOOKED_AT_MAX + 1}
"""
_READERS = """
SELECT cursor.name, cursor.reads, cursor.updated_at, unread.count, unread.looked_at,
       cursor.target IS NOT NULL
           AND cursor.position + {looked_at} < pg_sequence_last_value('events_position_seq')
           AS goes_on,
       coalesce(extract(epoch FROM clock_timestamp() - unread.oldest), 0) AS seconds,
       extract(epoch FROM clock_timestamp() - cursor.updated_at) AS still_seconds,
       cursor.system_identifier = cluster.system_identifier AS is_ours,
       EXISTS (SELECT 1 FROM pg_locks AS lock
                WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
                  AND lock.database = (SELECT oid FROM pg_database
                                        WHERE datname = current_database())
                  AND lock.classid = ((key.key >> 32) & 4294967295)::oid
                  AND lock.objid = (key.key & 4294967295)::oid) AS is_locked
  FROM event_cursors AS cursor
 CROSS JOIN pg_control_system() AS cluster
 CROSS JOIN LATERAL (SELECT hashtextextended('event reader ' || cursor.name, 0) AS key) AS key
  LEFT JOIN unnest({names}::text[], {selections}::text[], {included}::bool[])
            AS selection (name, objects, included) ON selection.name = cursor.name
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE mine) AS count, count(*) AS looked_at,
              min(created_at) FILTER (WHERE mine) AS oldest
         FROM (SELECT found.created_at,
                      selection.name IS NULL OR (found.aggregatetype
                          = ANY(string_to_array(selection.objects, ','))) = selection.included
                      AS mine
                 FROM ({rows}) AS found) AS looked) AS unread
 WHERE cursor.reads = {table}
"""
_OLDEST_TRANSACTION = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(began)), 0)
  FROM (SELECT xact_start AS began FROM pg_stat_activity
         WHERE backend_xid IS NOT NULL AND datname = current_database()
           AND pid <> pg_backend_pid()
         UNION ALL
        SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()) AS holding
"""


def read_lag() -> list[ReaderLag]:
    """Every reader that has a cursor, and those that should run and have none yet; by name. One
    statement."""
    with connection.cursor() as cursor:
        cursor.execute(lag_statement())
        return lags_of(cursor.fetchone()[0])


def lag_statement() -> str:
    """What ``read_lag`` asks, for whoever asks other things with it: one value, for ``lags_of``."""
    tables = sorted({LOG, *reader_tables()})
    rows = sql.SQL(" UNION ALL ").join(_of_table(table) for table in tables)
    return sql.SQL("SELECT json_agg(reader) FROM ({rows}) AS reader").format(rows=rows).as_string()


def lags_of(answer: Any) -> list[ReaderLag]:
    """What ``lag_statement`` was answered, with the readers that have no cursor yet."""
    expected = _expected()
    rows = json.loads(answer) if isinstance(answer, str) else answer
    found = {row["name"]: _lag(row, expected) for row in rows or ()}
    never_ran = {name: _never_ran(name) for name in expected - found.keys()}
    return [found[name] if name in found else never_ran[name] for name in sorted(found | never_ran)]


def missing_readers() -> list[str]:
    """Those that should run and have no cursor, by name: they have never done so. One statement."""
    return sorted(_expected() - set(EventCursor.objects.values_list("name", flat=True)))


def oldest_transaction_seconds() -> float:
    """How long the oldest transaction that writes has been open: no reader passes what it may still
    write. 0 where there is none. One statement.

    Of other roles' sessions PostgreSQL tells it to members of ``pg_read_all_stats`` alone.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_TRANSACTION)
        return float(cursor.fetchone()[0])


def _of_table(table: str) -> sql.Composable:
    selections = {name: each for name, each in _selections().items() if each != EVERYTHING}
    return sql.SQL(_READERS).format(
        rows=sql.SQL(_LOG_ROWS if table == LOG else _OTHER_ROWS).format(
            table=sql.Identifier(table)
        ),
        table=sql.Literal(table),
        looked_at=sql.Literal(LOOKED_AT_MAX),
        names=sql.Literal(list(selections)),
        selections=sql.Literal([",".join(each.named) for each in selections.values()]),
        included=sql.Literal([not each.is_excluded for each in selections.values()]),
    )


def _lag(row: Mapping[str, Any], expected: set[str]) -> ReaderLag:
    is_of_log = row["reads"] == LOG
    is_folded = not is_of_log and row["still_seconds"] < STILL_AFTER_SECONDS
    return ReaderLag(
        name=row["name"],
        unread=min(row["count"], UNREAD_MAX),
        has_more=row["count"] > UNREAD_MAX or row["looked_at"] > LOOKED_AT_MAX or row["goes_on"],
        seconds=max(0.0, float(row["seconds"])),
        is_active=row["is_locked"] or is_folded,
        is_expected=not is_of_log or row["name"] in expected,
        is_of_this_cluster=row["is_ours"],
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )


def _never_ran(name: str) -> ReaderLag:
    return ReaderLag(name, 0, True, 0.0, False, True, True, None)


def _selections() -> Mapping[str, Selection]:
    """What each reader of the log takes, by its cursor's name."""
    return _relays() | {each.cursor: each.objects for each in consumers()}


def _expected() -> set[str]:
    """The readers of the log that this installation runs: relays where there is Kafka, whose groups
    are consumers then; else the consumers themselves."""
    return set(_relays()) or {each.cursor for each in consumers()}


def _relays() -> dict[str, Selection]:
    if not settings.KAFKA_BOOTSTRAP_SERVERS:
        return {}
    # Kafka's library is loaded where there is one.
    from payments_project.events.kafka.relay import relay_cursor
    from payments_project.events.kafka.topics import GROUPS

    return {relay_cursor(group): selection for group, selection in GROUPS.items()}
