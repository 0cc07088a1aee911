"""Times as everybody outside gets them, and where days begin."""

from datetime import UTC, date, datetime, time


def render_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: ``2026-01-31T12:00:00.000000Z``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def day_start(day: date) -> datetime:
    """When the UTC day begins."""
    return datetime.combine(day, time.min, UTC)
