"""Query strings, as strict as bodies: known names, once each, values that mean what they say."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from payments_project.api.bodies import AMOUNT_MAX, Timestamp, shown_name, validate
from payments_project.database.uuid7 import uuid7_range
from payments_project.errors import InvalidInput

_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def _integer(value: Any) -> Any:
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise PydanticCustomError("int_parsing", "Not an integer.")
        return int(value)
    return value


QueryInteger = Annotated[int, BeforeValidator(_integer)]


class Query(BaseModel):
    """An endpoint's query parameters. ``lists`` may be repeated; everything else comes once."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    lists: ClassVar[frozenset[str]] = frozenset({"expand[]"})

    expand: list[str] = Field(default_factory=list, alias="expand[]")


class NoQuery(Query):
    """What an endpoint takes that names no parameters of its own: ``expand[]``."""


class ListQuery(Query):
    """What every list takes: the page's size and its cursor."""

    limit: Annotated[QueryInteger, Field(ge=1, le=100)] = 10
    starting_after: str | None = None
    ending_before: str | None = None


class CreatedRange(BaseModel):
    """``created_at[gte]`` and its kin."""

    created_at_gte: Timestamp | None = Field(None, alias="created_at[gte]")
    created_at_gt: Timestamp | None = Field(None, alias="created_at[gt]")
    created_at_lte: Timestamp | None = Field(None, alias="created_at[lte]")
    created_at_lt: Timestamp | None = Field(None, alias="created_at[lt]")

    def created_filters(self, field: str = "created_at") -> dict[str, Any]:
        """The range as a queryset's filters."""
        return {f"{field}__{name}": moment for name, moment in self._moments().items()}

    def id_filters(self) -> dict[str, Any]:
        """The same as filters by id, for tables whose ``created_at`` is the time in the UUIDv7.

        Their months are ranges of ids, and their lists are read along an index of ids.
        """
        return {f"pk__{name}": end for name, end in uuid7_range(self._moments()).items()}

    def _moments(self) -> dict[str, datetime]:
        ends = {name: getattr(self, f"created_at_{name}") for name in ("gte", "gt", "lte", "lt")}
        return {name: moment for name, moment in ends.items() if moment is not None}


QueryAmount = Annotated[QueryInteger, Field(ge=0, le=AMOUNT_MAX)]

Model = TypeVar("Model", bound=Query)


def parse_query(request: HttpRequest, model: type[Model]) -> Model:
    """The query string as ``model``. Raises ``InvalidInput`` for anything that it does not know."""
    try:
        given = request.GET
    except TooManyFieldsSent:
        raise InvalidInput("There are too many query parameters.") from None
    content: dict[str, Any] = {}
    for name, values in given.lists():
        if any("\x00" in text or "\ufffd" in text for text in (name, *values)):
            raise InvalidInput("The query string holds a character that no parameter can have.")
        if name in model.lists:
            content[name] = values
        elif len(values) > 1:
            shown = shown_name(name)
            raise InvalidInput(f"{shown} is given twice.", param=shown)
        else:
            content[name] = values[0]
    return validate(model, content)
