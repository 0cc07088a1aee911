"""Which events an endpoint wants: every one (``*``), an object's (``refund.*``), or types by name."""

from collections.abc import Iterable, Sequence

from payments_project.errors import InvalidInput
from payments_project.events.catalogue import event_types

EVERYTHING = "*"
# It goes to the endpoint that is tested, and can't be asked for by others.
TEST_EVENT = "webhook_endpoint.test"
FILTERS_MAX = 100


def matches(enabled_events: Iterable[str], event_type: str) -> bool:
    """Whether an endpoint with these filters wants events of the type."""
    wanted = set(enabled_events)
    object_type = event_type.partition(".")[0]
    return not wanted.isdisjoint((EVERYTHING, event_type, f"{object_type}.*"))


def require_event_filters(filters: Sequence[str]) -> list[str]:
    """The filters, sorted and once each. Raises ``InvalidInput`` for what no event can match."""
    names = {each.name for each in event_types()} - {TEST_EVENT}
    known = names | {f"{name.partition('.')[0]}.*" for name in names} | {EVERYTHING}
    for place, name in enumerate(filters):
        if name not in known:
            # What was sent is not repeated: it may be anything.
            raise InvalidInput(
                "There is no such event type, nor an object with such events.",
                param=f"enabled_events[{place}]",
            )
    return sorted(set(filters))
