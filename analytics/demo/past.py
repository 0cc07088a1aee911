"""Rows under ids of their own time: keys and events are UUIDv7, which tell when they were made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from payments_project.database.partitions import PAYMENT_TABLES, create_month
from payments_project.events.record import EVENT_COLUMNS, event_payload
from payments_project.tenancy import Scope

API_KEY = "api_key"
GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Told:
    """An event to be: ``data`` is the object as it was at that moment."""

    at: datetime
    type: str
    object_id: UUID | str
    sequence: int
    data: dict[str, Any]
    actor_kind: str = API_KEY


def make_months(first: datetime, last: datetime) -> None:
    """The partitions for rows from ``first`` to ``last``."""
    month = first.date().replace(day=1)
    while month <= last.date():
        for table in PAYMENT_TABLES:
            create_month(table=table, month=month)
        month = (month + timedelta(days=32)).replace(day=1)


def ids_at(moments: Sequence[datetime]) -> list[UUID]:
    """New keys, in the order of ``moments``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT uuidv7(moment - clock_timestamp()) FROM unnest(%s::timestamptz[])"
            " WITH ORDINALITY AS given (moment, place) ORDER BY place",
            [list(moments)],
        )
        return [row[0] for row in cursor.fetchall()]


def write_events(scope: Scope, events: Iterable[Told]) -> None:
    """Writes the events in the order of their time."""
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO events (id, {EVENT_COLUMNS}) VALUES"
            " (uuidv7(%s - clock_timestamp()), %s, %s, %s, %s, %s::jsonb, %s, %s, %s,"
            " NULL, NULL, NULL)",
            [
                (
                    event.at, event.type.partition(".")[0], str(event.object_id), event.type,
                    event.sequence,
                    event_payload(
                        object_type=event.type.partition(".")[0], object_id=event.object_id,
                        environment=scope.environment, data=event.data,
                    ),
                    scope.merchant_id, scope.environment, event.actor_kind,
                )
                for event in sorted(events, key=lambda event: (event.at, event.sequence))
            ],
        )  # fmt: skip
