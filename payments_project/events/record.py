"""Writing an event, in the transaction of the change it tells."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Model

from payments_project.actor import Actor
from payments_project.events.wake import events_written
from payments_project.json_text import json_text

# The columns of an event's INSERT, in order; statements that write their events in the same
# statement as the change (the payment path) use the same list.
EVENT_COLUMNS = (
    "aggregatetype, aggregateid, type, sequence, payload, merchant_id, environment,"
    " actor_kind, actor_id, request_id, idempotency_key"
)


def record_event(
    *,
    aggregate: Model,
    type: str,  # noqa: A002 (the column's name)
    data: Mapping[str, Any],
    actor: Actor,
    previous: Mapping[str, Any] | None = None,
    merchant_id: UUID | None = None,
    environment: str | None = None,
) -> int:
    """Writes one event of ``aggregate`` and returns its sequence number, from 1 without gaps.

    ``data`` is the object as it is now, ``previous`` the old values of what changed; both hold ids,
    amounts and states, never personal data: the log can't be erased on request. The aggregate's
    row is locked by this statement, so that the order of one object's events is the order of its
    changes. ``type`` is ``object.verb``, and its first part names the aggregate's type.

    ``merchant_id`` and ``environment`` default to the aggregate's own.
    Raises ``RuntimeError`` outside a transaction.
    """
    using = aggregate._state.db or "default"
    if not transaction.get_connection(using).in_atomic_block:
        raise RuntimeError("an event is written in the transaction of the change it tells")
    aggregatetype = type.split(".", 1)[0]
    tenant = merchant_id or aggregate.merchant_id  # type: ignore[attr-defined]
    where = environment or aggregate.environment  # type: ignore[attr-defined]
    table = aggregate._meta.db_table
    key = aggregate._meta.pk.column
    payload = event_payload(
        object_type=aggregatetype,
        object_id=aggregate.pk,
        environment=where,
        data=data,
        previous=previous,
    )
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"""
            WITH aggregate AS (
                UPDATE {table} SET event_sequence = event_sequence + 1
                 WHERE {key} = %s RETURNING event_sequence
            )
            INSERT INTO events ({EVENT_COLUMNS})
            SELECT %s, %s, %s, event_sequence, %s::jsonb, %s, %s, %s, %s, %s, %s FROM aggregate
            RETURNING sequence
            """,
            [
                aggregate.pk,
                aggregatetype,
                str(aggregate.pk),
                type,
                payload,
                tenant,
                where,
                actor.kind,
                actor.id,
                actor.request_id,
                actor.idempotency_key,
            ],
        )
        row = cursor.fetchone()
    if row is None:
        raise RuntimeError(f"{aggregatetype} {aggregate.pk} is not in the database")
    transaction.on_commit(events_written, using=using)
    aggregate.event_sequence = row[0]  # type: ignore[attr-defined]
    return int(row[0])


def event_payload(
    *,
    object_type: str,
    object_id: Any,
    environment: str,
    data: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
) -> str:
    """An event's ``data`` as JSON text: the object with its identity, and what it was before."""
    content: dict[str, Any] = {
        "object": {"id": str(object_id), "object": object_type, "environment": environment, **data}
    }
    if previous:
        content["previous_attributes"] = dict(previous)
    return json_text(content)
