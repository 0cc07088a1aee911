"""Staff users, the audit trail, and acts that need a second person."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q

from payments_project.database.fields import TransactionTime
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import Identified
from payments_project.database.uuid7 import UUID7, UUID7Time
from payments_project.money import format_amount
from payments_project.staff import states
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS

USER_AGENT_CHARACTERS = 200


class StaffUser(AbstractUser):
    """A person who works in the console. The key is a UUID, as ``refunds.requested_by`` wants."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)

    class Meta:
        app_label = "payments_project"
        db_table = "staff_users"
        verbose_name = "staff user"
        permissions = [
            ("assign_roles", "Can give colleagues any role, and change who has it"),
            ("reset_second_factor", "Can reset a colleague's second factor"),
            ("unlock_staffuser", "Can unlock a colleague's account"),
            ("end_sessions", "Can sign a colleague out everywhere"),
        ]


class AuditEntry(Identified):
    """One act of one person, append-only: who, what, on which object, before and after, why, where.

    Written in the transaction of the act; the application role may not update or delete it.
    """

    staff_user = models.ForeignKey(
        StaffUser, on_delete=models.PROTECT, null=True, related_name="audit_entries"
    )
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=100)
    merchant_id = models.UUIDField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(default="", blank=True)
    ip_address = models.GenericIPAddressField(null=True)
    # What the browser says of itself.
    user_agent = models.CharField(
        max_length=USER_AGENT_CHARACTERS, default="", db_default="", blank=True
    )
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        app_label = "payments_project"
        db_table = "audit"
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="idx_audit_object"),
            models.Index(fields=["staff_user", "-id"], name="idx_audit_staff_user"),
            models.Index(fields=["action", "-id"], name="idx_audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class Approval(Identified):
    """An act over a set amount, asked for by one person and decided by another (four eyes).

    ``action`` names what is asked for, and ``values`` what its service is called with; nothing of
    it is done before it is approved, unless ``approvals.Approvable`` of the action says so.
    Without ``requested_by`` an API key or the system asked. ``result_*`` name what came of it.
    """

    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=100)
    merchant_id = models.UUIDField(null=True)
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    values = models.JSONField(default=dict)
    reason = models.TextField()
    status = models.CharField(
        max_length=20,
        default=states.PENDING,
        db_default=states.PENDING,
        choices=[(state, state) for state in states.APPROVAL_STATES],
    )
    requested_by = models.ForeignKey(
        StaffUser, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_by = models.ForeignKey(StaffUser, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(default="", db_default="")
    result_type = models.CharField(max_length=60, default="", db_default="")
    result_id = models.CharField(max_length=100, default="", db_default="")
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        app_label = "payments_project"
        db_table = "approvals"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="approvals_valid_status", condition=Q(status__in=states.APPROVAL_STATES)
            ),
            models.CheckConstraint(
                name="approvals_valid_environment", condition=Q(environment__in=ENVIRONMENTS)
            ),
            models.CheckConstraint(name="approvals_amount_check", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="approvals_decided_by_somebody",
                condition=Q(status=states.PENDING, decided_by__isnull=True, decided_at__isnull=True)
                | (
                    ~Q(status=states.PENDING)
                    & Q(decided_by__isnull=False, decided_at__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="approvals_by_a_second_person",
                condition=Q(status__in=[states.PENDING, states.WITHDRAWN])
                | Q(requested_by__isnull=True)
                | ~Q(decided_by=F("requested_by")),
            ),
        ]
        indexes = [
            NamedIndex(
                fields=["id"],
                name="idx_approvals_pending",
                condition=Q(status=states.PENDING),
            ),
            NamedIndex(fields=["object_type", "object_id"], name="idx_approvals_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {format_amount(self.amount, self.currency)}"


class ApprovalLimit(Identified):
    """Up to which amount one person may do an act alone, in one currency; minor units.

    Where there is none, ``settings.APPROVAL_LIMIT_DEFAULT`` holds, in major units.
    """

    action = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        app_label = "payments_project"
        db_table = "approval_limits"
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(fields=["action", "currency"], name="approval_limits_once"),
            models.CheckConstraint(name="approval_limits_amount_check", condition=Q(amount__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {format_amount(self.amount, self.currency)}"
