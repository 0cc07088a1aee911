"""An event as its readers get it: from the log or from Kafka, the same."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID


class EventRow(NamedTuple):
    """One row of the log, as text: what a relay passes on without looking into it.

    ``payload`` is JSON; ``created_at`` is RFC 3339 in UTC. ``COLUMNS`` selects it.
    """

    id: str
    aggregatetype: str
    aggregateid: str
    type: str
    sequence: int
    payload: str
    merchant_id: str
    environment: str
    position: int
    created_at: str


COLUMNS = """events.id::text, events.aggregatetype, events.aggregateid, events.type,
       events.sequence, events.payload::text, events.merchant_id::text, events.environment,
       events.position,
       to_char(events.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


class LoggedEvent:
    """What a consumer's handler gets. ``source`` says where it was read, for dead letters."""

    def __init__(self, row: EventRow, *, source: str) -> None:
        self.row = row
        self.source = source

    @property
    def type(self) -> str:
        """``object.verb``."""
        return self.row.type

    @property
    def sequence(self) -> int:
        """The event's number among its object's, from 1 without gaps."""
        return self.row.sequence

    @property
    def environment(self) -> str:
        return self.row.environment

    @property
    def position(self) -> int:
        """Its place in the log. One object's events are in the order of their positions."""
        return self.row.position

    @property
    def aggregateid(self) -> str:
        """The id of the object that it tells of."""
        return self.row.aggregateid

    @cached_property
    def id(self) -> UUID:
        return UUID(self.row.id)

    @cached_property
    def merchant_id(self) -> UUID:
        return UUID(self.row.merchant_id)

    @cached_property
    def created_at(self) -> datetime:
        return datetime.fromisoformat(self.row.created_at)

    @cached_property
    def data(self) -> dict[str, Any]:
        """``object`` as it was then, and ``previous_attributes``."""
        content: dict[str, Any] = json.loads(self.row.payload)
        return content

    def __repr__(self) -> str:
        return f"<{self.row.type} {self.row.aggregateid} #{self.row.sequence}>"


def from_log(row: EventRow) -> LoggedEvent:
    """An event that was read in the log itself."""
    return LoggedEvent(row, source=f"log/{row.position}")
