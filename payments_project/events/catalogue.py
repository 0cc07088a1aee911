"""The catalogue of event types: which there are, when each happens, what its object holds.

Apps fill it when they start (``event_types.py`` of each), since this ground imports none of them.
What is made of it: JSON Schemas (``schemas``), their files (``published``), the OpenAPI document's
webhooks and the list at ``/docs#events``.
"""

from dataclasses import dataclass
from typing import get_args

from payments_project.events.fields import EventObject


@dataclass(frozen=True, slots=True)
class EventType:
    """One version of a type of event.

    ``name`` is ``object.verb``; ``description`` is the sentence that tells a merchant's engineer
    when it happens. ``object`` is what ``data.object`` holds, and ``previous`` the fields of it
    that ``data.previous_attributes`` may have: none, if such an event never has any.
    Raises ``ValueError`` where these contradict each other.
    """

    name: str
    version: int
    description: str
    object: type[EventObject]
    previous: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kind, _, verb = self.name.partition(".")
        if not verb or self.version < 1:
            raise ValueError(f"{self.name}.v{self.version} is no object.verb with a version")
        if get_args(self.object.model_fields["object"].annotation) != (kind,):
            raise ValueError(f"{self.name}: {self.object.__name__} is not the {kind}'s model")
        unknown = sorted(set(self.previous) - set(self.object.model_fields))
        if unknown:
            raise ValueError(f"{self.name}: {self.object.__name__} has no {', '.join(unknown)}")

    @property
    def object_type(self) -> str:
        """The name of the object that it tells of, which also names its Kafka topic."""
        return self.name.partition(".")[0]


_TYPES: dict[tuple[str, int], EventType] = {}


def register_event_types(*types: EventType) -> None:
    """Adds types to the catalogue; called once for each app, when it starts.

    An old version is registered for as long as anybody may have an event of it; the newest is what
    is written. Raises ``ValueError`` for a version that is there already.
    """
    for added in types:
        key = (added.name, added.version)
        if key in _TYPES:
            raise ValueError(f"{added.name}.v{added.version} is registered twice")
        _TYPES[key] = added


def event_versions() -> list[EventType]:
    """Every version of every type, sorted by name, then version."""
    return [_TYPES[key] for key in sorted(_TYPES)]


def event_types() -> list[EventType]:
    """The newest version of every type, which is the one that is written; sorted by name."""
    return list({item.name: item for item in event_versions()}.values())


def event_type(name: str) -> EventType:
    """The newest version of a type. Raises ``KeyError`` for a name that is not in the catalogue."""
    versions = [version for known, version in _TYPES if known == name]
    if not versions:
        raise KeyError(name)
    return _TYPES[name, max(versions)]
