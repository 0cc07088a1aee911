"""The class of all Celery tasks: those of the schedule have their runs recorded."""

import time
from typing import Any

from celery import Task

from payments_project.events.run_reader import cause_of
from payments_project.jobs.due import interval_seconds
from payments_project.jobs.outcomes import AnotherRun, JobFailed
from payments_project.schedule import SCHEDULE

# Jobs that come less often than this say when they begin too: one that is killed is then seen by
# it. Of the others the next run is seen at once, and would cost twice as many statements.
START_RECORDED_SECONDS = 60

_EVERY = {entry["task"]: interval_seconds(entry["schedule"]) for entry in SCHEDULE.values()}


class RecordedTask(Task):
    """Records each run of a scheduled task: when, how long, its outcome and what it said it did.

    Not in the task's transaction, and no task fails by it. A task that raises ``AnotherRun`` was
    skipped and returns None. Any other error is recorded by its kind and place and raised.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly or self.name not in _EVERY:
            return super().__call__(*args, **kwargs)
        # Django's apps are loaded by the time a task runs, not by the time this module is.
        from payments_project.jobs.models import FAILED, SKIPPED, SUCCEEDED
        from payments_project.jobs.record import detail_of, record_end, record_start

        if _EVERY[self.name] >= START_RECORDED_SECONDS:
            record_start(self.name)
        began = time.monotonic()

        def ended(outcome: str, detail: str) -> None:
            seconds = time.monotonic() - began
            record_end(task=self.name, outcome=outcome, seconds=seconds, detail=detail)

        try:
            result = self.run(*args, **kwargs)
        except AnotherRun:
            ended(SKIPPED, "another run was at it")
            return None
        except JobFailed as error:
            ended(FAILED, error.detail)
            raise
        except Exception as error:
            ended(FAILED, cause_of(error))
            raise
        ended(SUCCEEDED, detail_of(result))
        return result
