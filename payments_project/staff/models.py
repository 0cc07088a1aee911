"""Staff users and the audit trail."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from payments_project.database.models import Identified
from payments_project.database.uuid7 import UUID7, UUID7Time


class StaffUser(AbstractUser):
    """A person who works in the console. The key is a UUID, as ``refunds.requested_by`` wants."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)

    class Meta:
        app_label = "payments_project"
        db_table = "staff_users"
        verbose_name = "staff user"


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
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
