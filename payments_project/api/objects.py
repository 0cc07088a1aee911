"""What the API answers with: objects that render themselves and describe themselves to OpenAPI."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer

from payments_project.times import render_time

Time = Annotated[datetime, PlainSerializer(render_time, return_type=str, when_used="json")]
Day = Annotated[date, PlainSerializer(date.isoformat, return_type=str, when_used="json")]


class ApiObject(BaseModel):
    """Any answer. Its JSON is what ``model_dump_json`` gives."""

    model_config = ConfigDict(frozen=True)


class Resource(ApiObject):
    """An object with an identity: ``object`` is overridden with its name."""

    id: UUID | str
    object: str
    environment: Literal["test", "live"]
    created_at: Time


class ListObject(ApiObject):
    """A page: newest first."""

    object: Literal["list"] = "list"
    url: str
    has_more: bool
    data: list[Any]
