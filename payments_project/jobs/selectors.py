"""The schedule's entries and how their runs go. One statement for all of them."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from payments_project.jobs.due import Schedule, interval_seconds, next_due, when_words
from payments_project.jobs.purposes import PURPOSES
from payments_project.schedule import SCHEDULE

# A job is late when none of its runs succeeded for so many intervals, and for a minute at least.
LATE_INTERVALS = 3
LATE_SECONDS_MIN = 60

NEVER_RAN, RUNNING, ENDED_UNTOLD = "never ran", "running", "killed"

# Runs are recorded since the table is there: by then a job that never ran was not late yet.
_SINCE = """
SELECT applied FROM django_migrations WHERE app = 'payments_project' AND name = '0010_jobs'
"""
_JOBS = f"""
SELECT json_build_object('now', clock_timestamp(), 'since', ({_SINCE}),
           'rows', coalesce(json_object_agg(job.task, job), '{{}}'))
  FROM scheduled_jobs AS job
"""


@dataclass(frozen=True, slots=True)
class Job:
    """An entry of the schedule, with its last run as far as there was one. Times are UTC.

    ``outcome`` is the last run's: ``succeeded``, ``failed``, ``skipped``, ``running``; ``killed``
    for one that began and never said how it ended; ``never ran``.
    """

    name: str
    task: str
    purpose: str
    every: Schedule
    outcome: str
    detail: str
    started_at: datetime | None
    duration_ms: int | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    runs: int
    failures: int
    asked_at: datetime
    recorded_since: datetime | None

    @property
    def when(self) -> str:
        """When it is due, in words."""
        return when_words(self.every)

    @property
    def next_due_at(self) -> datetime:
        """About when it is due next: beat's own time may lie within an interval of it."""
        if isinstance(self.every, int | float):
            return max(self.asked_at, next_due(self.every, after=self.started_at or self.asked_at))
        return next_due(self.every, after=self.asked_at)

    @property
    def seconds_since_success(self) -> float | None:
        """Since the last run that did its work began; of one that never did, since runs are
        recorded."""
        since = self.succeeded_at or self.recorded_since
        return None if since is None else max(0.0, (self.asked_at - since).total_seconds())

    @property
    def is_late(self) -> bool:
        allowed = max(LATE_INTERVALS * interval_seconds(self.every), LATE_SECONDS_MIN)
        return (self.seconds_since_success or 0.0) > allowed

    @property
    def is_failing(self) -> bool:
        """Whether the last run that came to an end and was not skipped failed."""
        if self.failed_at is None:
            return False
        return self.succeeded_at is None or self.failed_at > self.succeeded_at


def read_jobs() -> list[Job]:
    """Every entry of the schedule, in its order."""
    with connection.cursor() as cursor:
        cursor.execute(_JOBS)
        return jobs_of(cursor.fetchone()[0])


def jobs_statement() -> str:
    """What ``read_jobs`` asks, for whoever asks other things with it: one value, for ``jobs_of``."""
    return _JOBS


def jobs_of(answer: Any) -> list[Job]:
    """What ``jobs_statement`` was answered."""
    found = json.loads(answer) if isinstance(answer, str) else answer
    now, since = datetime.fromisoformat(found["now"]), _moment(found["since"])
    return [
        _job(name, entry, found["rows"].get(entry["task"], {}), now, since)
        for name, entry in SCHEDULE.items()
    ]


def _job(
    name: str, entry: dict[str, Any], row: dict[str, Any], now: datetime, since: datetime | None
) -> Job:
    started_at = _moment(row.get("last_started_at"))
    return Job(
        name=name,
        task=entry["task"],
        purpose=PURPOSES.get(name, ""),
        every=entry["schedule"],
        outcome=row.get("last_outcome") or _without_outcome(started_at, now),
        detail=row.get("last_detail", ""),
        started_at=started_at,
        duration_ms=row.get("last_duration_ms"),
        succeeded_at=_moment(row.get("last_succeeded_at")),
        failed_at=_moment(row.get("last_failed_at")),
        runs=row.get("runs", 0),
        failures=row.get("failures", 0),
        asked_at=now,
        recorded_since=since,
    )


def _without_outcome(started_at: datetime | None, now: datetime) -> str:
    if started_at is None:
        return NEVER_RAN
    # No task may run for so long: the broker would give it to another worker.
    longest = timedelta(seconds=settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"])
    return RUNNING if now - started_at < longest else ENDED_UNTOLD


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
