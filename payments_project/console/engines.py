"""Whether the engines and the workers are well, on the home page."""

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest

from payments_project.api.health import UNAVAILABLE, ask_other_engines
from payments_project.console import display
from payments_project.console.home import Counted, HomeParts, Tile, home_part
from payments_project.events.models import EventCursor

_NAMES = {"redis": "Redis", "kafka": "Kafka", "elasticsearch": "Elasticsearch"}
# Balances are folded every second; when they are not, no worker does anything that is due.
BEHIND_AFTER = timedelta(minutes=1)


@home_part(permission="payments_project.view_event")
def engines(request: HttpRequest, environment: str) -> HomeParts:
    """What is away, and whether the workers still work; that PostgreSQL does, the page shows."""
    asked = ask_other_engines()
    away = [_NAMES[name] for name, found in asked.items() if found["status"] == UNAVAILABLE]
    (moved,) = yield Counted(
        [EventCursor.objects.filter(updated_at__gte=datetime.now(UTC) - BEHIND_AFTER)]
    )
    faults = [f"{name} is away" for name in away]
    if not moved:
        faults.append("workers stand still")
    configured = 1 + sum(found["status"] != "not_configured" for found in asked.values())
    yield Tile(
        label="Engines",
        icon="monitor_heart",
        value=str(len(faults)) if faults else "well",
        hint=", ".join(faults) or f"{configured} engines and the workers",
        tone=display.RED if faults else "",
        order=55,
    )


__all__ = ["engines"]
