"""All tables of the shared ground, where Django looks for them."""

from django.db import models

from payments_project.console.models import SavedFilter, UsedFormToken
from payments_project.events.models import ConsumerReach, DeadLetter, Event, EventCursor
from payments_project.idempotency.models import IdempotencyKey
from payments_project.jobs.models import ScheduledJob
from payments_project.staff.models import Approval, ApprovalLimit, AuditEntry, StaffUser
from payments_project.staff.sign_in.models import (
    BackupCode,
    SecondFactor,
    SignInCounter,
    StaffSession,
)

__all__ = [
    "Approval",
    "ApprovalLimit",
    "AuditEntry",
    "BackupCode",
    "ConsumerReach",
    "DeadLetter",
    "Event",
    "EventCursor",
    "IdempotencyKey",
    "MonthlyTable",
    "SavedFilter",
    "ScheduledJob",
    "SecondFactor",
    "SignInCounter",
    "StaffSession",
    "StaffUser",
    "StatusTransition",
    "UsedFormToken",
]


class MonthlyTable(models.Model):
    """A table that ``create_monthly_partition`` accepts; apps register theirs by migration.

    ``is_dropped``: its old months may be dropped (``drop_monthly_partition``); money's never are.
    """

    table_name = models.CharField(max_length=63, primary_key=True)
    is_dropped = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "monthly_tables"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.table_name


class StatusTransition(models.Model):
    """An allowed move of a state machine; ``from_status`` is empty for a first state.

    The database enforces these by trigger; the apps' ``states.py`` say the same, and a test holds
    the two against each other.
    """

    machine = models.CharField(max_length=40)
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20)

    class Meta:
        db_table = "status_transitions"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "from_status", "to_status"], name="status_transitions_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.machine}: {self.from_status or '(start)'} → {self.to_status}"
