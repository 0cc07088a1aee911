"""Tables of the event log."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from payments_project.database.fields import (
    CurrentTransactionId,
    IdentityField,
    RowTime,
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
            # Pages of a long backlog. Rows lie in the order of their positions, more or less, so
            # that a range of them is a few blocks; writing it costs next to nothing.
            BrinIndex(
                fields=["position"],
                name="idx_events_position",
                autosummarize=True,
                pages_per_range=32,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregateid} #{self.sequence}"


class EventCursor(models.Model):
    """How far a reader has come: what ``snapshot`` saw, it does not take again.

    While a long backlog is read in pages, ``target`` is the snapshot that they end at, and of what
    lies between the two the reader has taken all up to ``position``. Afterwards ``position`` is
    that of the last row taken. ``reads`` names the table.
    """

    name = models.CharField(max_length=60, primary_key=True)
    reads = models.CharField(max_length=63, default="events", db_default="events")
    snapshot = SnapshotField()
    target = SnapshotField(null=True)
    position = models.BigIntegerField(default=0, db_default=0)
    system_identifier = models.BigIntegerField()
    updated_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        app_label = "payments_project"
        db_table = "event_cursors"
        # What staff look at are the readers; the cursor is what is kept of one.
        verbose_name = "event reader"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class ConsumerReach(models.Model):
    """How far a consumer has come in one of its sources: the log (``log``), or a partition of a
    topic (``<topic>/<partition>``). Every event of that source that was written before
    ``reached_at`` is handled, or set aside as a dead letter.
    """

    pk = models.CompositePrimaryKey("consumer", "source")
    consumer = models.CharField(max_length=60)
    source = models.CharField(max_length=200)
    reached_at = models.DateTimeField()

    class Meta:
        app_label = "payments_project"
        db_table = "consumer_reaches"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.consumer} {self.source}"


class DeadLetter(Identified):
    """A message that a consumer could not handle: set aside, so that the others go on.

    ``source`` is where it was read: ``log/<position>`` or ``<topic>/<partition>/<offset>``. One that
    is no event of ours has no ``event_id`` and keeps its bytes. ``cause`` is the error's kind and
    place, never its words, which may hold what is personal.
    """

    consumer = models.CharField(max_length=60)
    source = models.CharField(max_length=200)
    event_id = models.UUIDField(null=True)
    event_type = models.CharField(max_length=60, null=True)
    merchant_id = models.UUIDField(null=True)
    content = models.BinaryField(null=True)
    cause = models.CharField(max_length=300)
    attempts = models.IntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=RowTime())
    last_attempt_at = models.DateTimeField(db_default=TransactionTime())
    handled_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "payments_project"
        db_table = "dead_letters"
        default_permissions = ("view",)
        permissions = (("replay_deadletter", "Can hand dead letters to their consumers again"),)
        constraints = [
            models.UniqueConstraint(fields=["consumer", "source"], name="dead_letters_once")
        ]
        indexes = [
            models.Index(
                fields=["consumer", "id"],
                name="idx_dead_letters_waiting",
                condition=models.Q(handled_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.consumer} {self.source}"
