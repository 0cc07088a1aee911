"""The last runs of what runs by the clock."""

from django.db import models

SUCCEEDED, FAILED, SKIPPED = "succeeded", "failed", "skipped"
OUTCOMES = (SUCCEEDED, FAILED, SKIPPED)


class ScheduledJob(models.Model):
    """One entry of the schedule, by its task's name, and how its last run went.

    A run is ``skipped`` when another one of the same job was at it. ``last_detail`` is what the run
    said it did, or the kind and place of the error that ended it, never the error's words.
    ``last_succeeded_at`` is when the last run that did its work began. Times are UTC.
    """

    task = models.CharField(max_length=100, primary_key=True)
    last_started_at = models.DateTimeField(null=True)
    last_duration_ms = models.IntegerField(null=True)
    last_outcome = models.CharField(
        max_length=20, null=True, choices=[(outcome, outcome) for outcome in OUTCOMES]
    )
    last_detail = models.CharField(max_length=300, default="", db_default="")
    last_succeeded_at = models.DateTimeField(null=True)
    last_failed_at = models.DateTimeField(null=True)
    runs = models.BigIntegerField(default=0, db_default=0)
    failures = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        app_label = "payments_project"
        db_table = "scheduled_jobs"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.task
