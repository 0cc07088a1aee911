"""Tables of the event log."""

from django.db import models

from payments_project.database.fields import (
    CurrentTransactionId,
    IdentityField,
    SnapshotField,
    TransactionTime,
    Xid8Field,
)
from payments_project.database.models import Identified
from payments_project.database.uuid7 import UUID7Time


class Event(Identified):
    """One change of one object. Rows are never updated; months are dropped when all have read them.

    ``aggregatetype``, ``aggregateid``, ``type`` and ``payload`` are named as Debezium's outbox
    event router expects them by default, so that it can take the place of the built-in relay.
    ``position`` is drawn after the aggregate's row lock and orders one aggregate's events;
    ``xid`` is what a reader's cursor compares with its snapshots.
    """

    aggregatetype = models.CharField(max_length=40)
    aggregateid = models.CharField(max_length=100)
    type = models.CharField(max_length=60)
    sequence = models.IntegerField()
    payload = models.JSONField()
    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, null=True)
    idempotency_key = models.CharField(max_length=255, null=True)
    position = IdentityField()
    xid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        app_label = "payments_project"
        db_table = "events"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["xid"], name="idx_events_xid"),
            models.Index(
                "merchant_id", "environment", models.F("id").desc(), name="idx_events_merchant"
            ),
            models.Index(fields=["aggregateid", "sequence"], name="idx_events_aggregate"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregateid} #{self.sequence}"


class EventCursor(models.Model):
    """How far a reader has come, as a snapshot: what it saw last time, it does not see again."""

    name = models.CharField(max_length=60, primary_key=True)
    snapshot = SnapshotField()
    system_identifier = models.BigIntegerField()
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        app_label = "payments_project"
        db_table = "event_cursors"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name
