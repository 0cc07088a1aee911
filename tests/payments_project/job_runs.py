"""Runs of jobs as tests make them."""

from datetime import UTC, datetime, timedelta

from celery import Task

from payments_project.celery import app
from payments_project.jobs.models import ScheduledJob
from payments_project.jobs.record import record_end
from payments_project.schedule import SCHEDULE

# Tests of jobs have these two to themselves: one comes every few seconds and one comes daily.
OFTEN, DAILY = "sweep webhooks", "sweep files"


def task_of(entry: str) -> Task:
    app.loader.import_default_modules()
    task: Task = app.tasks[SCHEDULE[entry]["task"]]
    return task


def ended(entry: str, outcome: str, detail: str = "") -> None:
    """A run of the entry that ended just now, after half a second."""
    record_end(task=SCHEDULE[entry]["task"], outcome=outcome, seconds=0.5, detail=detail)


def all_succeeded() -> None:
    """Every job has just done its work."""
    for entry in SCHEDULE:
        ended(entry, "succeeded")


def succeeded_ago(entry: str, ago: timedelta) -> None:
    """The entry's last run was so long ago."""
    at = datetime.now(UTC) - ago
    ScheduledJob.objects.update_or_create(
        pk=SCHEDULE[entry]["task"],
        defaults={"last_started_at": at, "last_succeeded_at": at, "last_outcome": "succeeded"},
    )


def forget_runs() -> None:
    """Of the two jobs that tests have to themselves."""
    names = [SCHEDULE[OFTEN]["task"], SCHEDULE[DAILY]["task"]]
    ScheduledJob.objects.filter(pk__in=names).delete()
