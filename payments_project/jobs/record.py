"""Writing down how a run of a job went: one statement, which never makes the job fail."""

import logging
from typing import Any

from django.db import connection

from payments_project.events.run_reader import cause_of
from payments_project.jobs.models import FAILED, SUCCEEDED

logger = logging.getLogger(__name__)

DETAIL_LENGTH_MAX = 300
_MILLISECONDS_MAX = 2**31 - 1

# All times are PostgreSQL's, whichever host runs the job.
_STARTED = """
INSERT INTO scheduled_jobs (task, last_started_at, last_detail, runs, failures)
VALUES (%(task)s, clock_timestamp(), '', 0, 0)
ON CONFLICT (task) DO UPDATE SET last_started_at = excluded.last_started_at,
       last_duration_ms = NULL, last_outcome = NULL, last_detail = ''
"""
_ENDED = """
INSERT INTO scheduled_jobs AS job (task, last_started_at, last_duration_ms, last_outcome,
       last_detail, last_succeeded_at, last_failed_at, runs, failures)
SELECT %(task)s, began, %(milliseconds)s, %(outcome)s, %(detail)s,
       CASE WHEN %(is_success)s THEN began END, CASE WHEN %(is_failure)s THEN began END, 1,
       CASE WHEN %(is_failure)s THEN 1 ELSE 0 END
  FROM (SELECT clock_timestamp() - make_interval(secs => %(milliseconds)s / 1000.0) AS began) AS run
ON CONFLICT (task) DO UPDATE SET
       last_started_at = excluded.last_started_at,
       last_duration_ms = excluded.last_duration_ms,
       last_outcome = excluded.last_outcome,
       last_detail = excluded.last_detail,
       last_succeeded_at = coalesce(excluded.last_succeeded_at, job.last_succeeded_at),
       last_failed_at = coalesce(excluded.last_failed_at, job.last_failed_at),
       runs = job.runs + 1,
       failures = job.failures + excluded.failures
"""


def record_start(task: str) -> None:
    """Notes that a run of the task begins: until its end is recorded it has no outcome."""
    _write(_STARTED, {"task": task})


def record_end(*, task: str, outcome: str, seconds: float, detail: str = "") -> None:
    """Notes how a run ended that took ``seconds``, and counts it."""
    _write(
        _ENDED,
        {
            "task": task,
            "milliseconds": min(round(seconds * 1000), _MILLISECONDS_MAX),
            "outcome": outcome,
            "detail": detail[:DETAIL_LENGTH_MAX],
            "is_success": outcome == SUCCEEDED,
            "is_failure": outcome == FAILED,
        },
    )


def detail_of(result: Any) -> str:
    """What a task returned, in words: a number, names, or numbers by name without the zeros."""
    if isinstance(result, bool) or not result:
        return ""
    if isinstance(result, dict):
        return ", ".join(f"{name} {count}" for name, count in result.items() if count)
    if isinstance(result, list | tuple):
        return ", ".join(map(str, result))
    return str(result)


def _write(statement: str, values: dict[str, Any]) -> None:
    """Runs the statement in a transaction of its own. Whatever is wrong is logged: what is recorded
    is less than what was done."""
    try:
        # A job whose connection broke leaves it so.
        connection.close_if_unusable_or_obsolete()
        if connection.in_atomic_block:
            logger.warning("%s is run inside a transaction and not recorded", values["task"])
            return
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
    except Exception as error:
        logger.warning("a run of %s is not recorded: %s", values["task"], cause_of(error))
