"""When an entry of the schedule is due: in words, how often, and when next."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from celery.schedules import crontab

# Seconds between two runs, or a crontab; Celery has no types.
Schedule: TypeAlias = Any

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def when_words(every: Schedule) -> str:
    """``every second``, ``every 5 minutes``, ``hourly at :41``, ``daily at 02:00 UTC``."""
    if not isinstance(every, crontab):
        unit, count = ("minute", every / 60) if every >= 60 else ("second", every)
        return f"every {unit}" if count == 1 else f"every {count:g} {unit}s"
    minutes = sorted(every.minute)
    if len(every.hour) == 24:
        return "hourly at " + ", ".join(f":{minute:02}" for minute in minutes)
    times = [f"{hour:02}:{minute:02}" for hour in sorted(every.hour) for minute in minutes]
    return f"daily at {', '.join(times)} UTC"


def interval_seconds(every: Schedule) -> float:
    """How long after one run the next is due."""
    if not isinstance(every, crontab):
        return float(every)
    first = next_due(every, after=_ANY_TIME)
    return (next_due(every, after=first) - first).total_seconds()


def next_due(every: Schedule, *, after: datetime) -> datetime:
    """The first time later than ``after`` at which the entry is due, in UTC; for one that comes at
    intervals, an interval later."""
    if not isinstance(every, crontab):
        return after + timedelta(seconds=every)
    midnight = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return next(
        moment
        for days in range(9)
        for hour in sorted(every.hour)
        for minute in sorted(every.minute)
        if (moment := midnight + timedelta(days=days, hours=hour, minutes=minute)) > after
        and moment.isoweekday() % 7 in every.day_of_week
    )
