"""The event log over HTTP: what webhooks tell, to be read at any time."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field
from rest_framework.request import Request

from payments_project.api.objects import ApiObject, ListObject, Resource
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import CreatedRange, ListQuery, NoQuery
from payments_project.api.views import ApiView
from payments_project.events.rendering import event_content
from payments_project.events.selectors import get_event, list_events, types_named


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
        """Events, newest first.

        What webhooks tell, for two years unless the service is set up otherwise.
        """
        query = self.query(EventQuery)
        page = list_events(
            scope=self.scope,
            query=query,
            filters=query.id_filters(),
            types=None if query.type is None else types_named(query.type, param="type"),
            object_id=query.object,
        )
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
        return event_content(get_event(scope=self.scope, event_id=require_uuid(event_id)))
