"""What the models of events' objects are made of: their base, and fields that many have."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from payments_project.tenancy import ENVIRONMENTS

Amount = Annotated[int, Field(ge=0, description="In the currency's smallest unit.")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217, in upper case.")]
Environment = Literal[ENVIRONMENTS]  # type: ignore[valid-type]


class Part(BaseModel):
    """A part of an event's object. What a snapshot writes beyond its fields is a fault."""

    model_config = ConfigDict(extra="forbid")


class EventObject(Part):
    """``data.object`` of an event, as ``event_payload`` and the object's snapshot write it.

    Models say what is published and tested; no event is made or read through them. ``object`` is
    overridden with the object's name, which is the first part of its events' types.
    """

    id: UUID | str
    object: str
    environment: Environment
