"""Who acts: recorded with every event, so that each change has a cause."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

ActorKind = Literal["api_key", "staff", "system", "gateway"]


@dataclass(frozen=True, slots=True)
class Actor:
    """The cause of a change.

    ``id`` is the API key's or the staff user's; the system and gateways have none.
    """

    kind: ActorKind
    id: UUID | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    ip: str | None = None


SYSTEM = Actor(kind="system")
