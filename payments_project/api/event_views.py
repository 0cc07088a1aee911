"""The event log over HTTP: what webhooks tell, to be read at any time."""

from typing import Any, ClassVar, Literal

from django.db.models import QuerySet
from pydantic import ConfigDict, Field
from rest_framework.request import Request

from payments_project.api.objects import ApiObject, ListObject, Resource
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import CreatedRange, ListQuery, NoQuery
from payments_project.api.views import ApiView
from payments_project.database.pages import page_by_id, require_cursor
from payments_project.errors import InvalidInput, ResourceMissing
from payments_project.events.catalogue import event_types
from payments_project.events.models import Event
from payments_project.events.rendering import event_content
from payments_project.tenancy import Scope


class EventData(ApiObject):
    """The object as it was then, and the old values of what had changed. Which fields there are
    depends on the type: `webhooks` in this document, and the schemas at `/docs`, say."""

    model_config = ConfigDict(extra="allow", frozen=True)

    object: dict[str, Any]


class EventRequest(ApiObject):
    """The call that caused it."""

    id: str
    idempotency_key: str | None


class EventObject(Resource):
    """An event: a change of one object. `sequence` numbers the events of that object from 1
    without gaps. The body of a webhook is the same."""

    object: Literal["event"] = "event"
    type: str
    sequence: int
    data: EventData
    request: EventRequest | None


class EventQuery(ListQuery, CreatedRange):
    """``GET /v1/events``."""

    type: str | None = Field(None, description="A type by name, or an object's: `refund.*`.")
    object: str | None = Field(
        None, max_length=100, description="The id of the object that the events tell of."
    )


class EventsView(ApiView):
    """``/v1/events``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(EventObject)}, query=EventQuery),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "events:read"}

    def get(self, request: Request) -> dict[str, Any]:
        """Events, newest first."""
        query = self.query(EventQuery)
        own = events_of_merchant(self.scope)
        require_cursor(query, lambda pk: own.filter(pk=pk).exists())
        rows = own.filter(**query.id_filters(), **_type_filter(query.type))
        if query.object is not None:
            rows = rows.filter(aggregateid=query.object)
        page = page_by_id(rows, query)
        return ListObject(
            url="/v1/events",
            has_more=page.has_more,
            data=[event_content(event) for event in page.rows],
        ).model_dump(mode="json")


class EventView(ApiView):
    """``/v1/events/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {"GET": Operation({200: EventObject})}

    permissions_required: ClassVar[dict[str, str]] = {"GET": "events:read"}

    def get(self, request: Request, event_id: str) -> dict[str, Any]:
        """One event, for as long as the log keeps it."""
        self.query(NoQuery)
        event = events_of_merchant(self.scope).filter(pk=require_uuid(event_id)).first()
        if event is None:
            raise ResourceMissing(f"No such event: {event_id}")
        return event_content(event)


def events_of_merchant(scope: Scope) -> "QuerySet[Event]":
    """All events of a merchant in an environment."""
    return Event.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def _type_filter(wanted: str | None) -> dict[str, str]:
    """Raises ``InvalidInput`` for a type that there is not."""
    if wanted is None:
        return {}
    names = {each.name for each in event_types()}
    if wanted in names:
        return {"type": wanted}
    object_type, _, rest = wanted.partition(".")
    if rest == "*" and any(name.startswith(f"{object_type}.") for name in names):
        return {"aggregatetype": object_type}
    raise InvalidInput("There is no such event type.", param="type")
