"""Reading the event log for a tenant; no locks, nothing written."""

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from payments_project.database.pages import Page, PageQuery, cursor_of, page_by_id, require_cursor
from payments_project.database.statements import planned_for_their_values
from payments_project.database.uuid7 import uuid7_floor, uuid7_time, uuid_of
from payments_project.errors import InvalidInput, ResourceMissing
from payments_project.events.catalogue import event_types
from payments_project.events.models import Event
from payments_project.tenancy import Scope

# An event is made after its object, but its id is by the database's clock, and that of a server
# that took over may be behind.
CLOCK_SET_BACK_MAX = timedelta(days=1)


def events_of_merchant(scope: Scope) -> "QuerySet[Event]":
    """All events of a merchant in an environment that the log still has."""
    return Event.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_event(*, scope: Scope, event_id: UUID, param: str | None = None) -> Event:
    """One event. Raises ``ResourceMissing`` for another merchant's or environment's too, and once
    the log has dropped it."""
    event = events_of_merchant(scope).filter(pk=event_id).first()
    if event is None:
        raise ResourceMissing(f"No such event: {event_id}", param=param)
    return event


def list_events(
    *,
    scope: Scope,
    query: PageQuery,
    filters: dict[str, Any] | None = None,
    types: Iterable[str] | None = None,
    object_id: str | None = None,
) -> Page[Event]:
    """The page of a merchant's events that ``query`` asks for, newest first.

    ``filters`` are a queryset's: a range of time as one of ids (``pk__gte``, ``pk__lt``). A list
    that finds less than a page looks into no month before the account or ``object_id`` was made,
    however long the log is. Raises ``ResourceMissing`` for a cursor that is no event of the
    merchant's, and for an object that the log says nothing of.
    """
    own = events_of_merchant(scope)
    require_cursor(query, lambda pk: own.filter(pk=pk).exists())
    filters = filters or {}
    rows = own.filter(**filters)
    if types is not None:
        rows = rows.filter(type__in=list(types))
    if object_id is not None:
        key = uuid_of(object_id)
        of_object = {"aggregateid": str(key or object_id), **_since_made(key)}
        if not own.filter(**of_object).exists():
            raise ResourceMissing("There is no event of such an object.", param="object")
        rows = rows.filter(**of_object)
    elif cursor_of(query) is None:
        # Behind a cursor it would be a range with two ends, of which PostgreSQL, not knowing them
        # when it plans, expects a few rows; it would sort all of a merchant's for ten.
        rows = rows.filter(**_since_made(scope.merchant_id))
    with planned_for_their_values() if filters else nullcontext():
        return page_by_id(rows, query)


def types_named(wanted: str, *, param: str) -> list[str]:
    """The event types that a filter names: one, or an object's (``refund.*``). Raises
    ``InvalidInput`` where there are none."""
    names = [each.name for each in event_types()]
    object_type, _, verb = wanted.partition(".")
    if verb == "*":
        found = [name for name in names if name.startswith(f"{object_type}.")]
    else:
        found = [name for name in names if name == wanted]
    if not found:
        raise InvalidInput("There is no such event type.", param=param)
    return found


def _since_made(key: UUID | None) -> dict[str, UUID]:
    """A filter for events of what has this id: none is older, if the id has its time in it."""
    if key is None or key.version != 7:
        return {}
    return {"pk__gte": uuid7_floor(uuid7_time(key) - CLOCK_SET_BACK_MAX)}
