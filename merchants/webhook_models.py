"""Webhook endpoints, what is to be delivered to them, and every attempt at it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_cryptography.fields import encrypt

from merchants import states
from payments_project.database.fields import RowTime, TransactionTime
from payments_project.database.indexes import NamedIndex
from payments_project.database.models import Aggregate, Identified
from payments_project.database.uuid7 import UUID7Time
from payments_project.tenancy import ENVIRONMENT_CHOICES, ENVIRONMENTS


class WebhookEndpoint(Identified, Aggregate):
    """Where a merchant hears of events of one environment.

    ``secret`` signs what is sent; after a rotation ``previous_secret`` signs too, until
    ``previous_secret_until``. ``consecutive_failures``, ``failing_since`` (the first of them) and
    ``paused_until`` (nothing is sent before) are of its health, and zero and empty where it is well.
    A deleted one stays, disabled, for the record of its deliveries.
    """

    merchant = models.ForeignKey(
        "merchants.Merchant",
        on_delete=models.PROTECT,
        related_name="webhook_endpoints",
        db_constraint=False,
        db_index=False,
    )
    environment = models.CharField(max_length=20, choices=ENVIRONMENT_CHOICES)
    url = models.CharField(max_length=2048)
    description = models.CharField(max_length=500, null=True)
    enabled_events = ArrayField(models.CharField(max_length=60))
    status = models.CharField(
        max_length=20,
        default=states.ENABLED,
        db_default=states.ENABLED,
        choices=[(state, state) for state in states.ENDPOINT_STATES],
    )
    disabled_reason = models.CharField(max_length=20, null=True)
    disabled_at = models.DateTimeField(null=True)
    secret = encrypt(models.CharField(max_length=100))
    previous_secret = encrypt(models.CharField(max_length=100, null=True))
    previous_secret_until = models.DateTimeField(null=True)
    consecutive_failures = models.IntegerField(default=0, db_default=0)
    failing_since = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=RowTime())
    updated_at = models.DateTimeField(db_default=TransactionTime())
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "merchants"
        db_table = "webhook_endpoints"
        default_permissions = ("view",)
        permissions = (
            ("change_webhookendpoint", "Can switch webhook endpoints on and off and test them"),
            ("resend_webhookdelivery", "Can send webhooks again"),
        )
        constraints = [
            models.CheckConstraint(
                name="webhook_endpoints_valid_environment",
                condition=Q(environment__in=ENVIRONMENTS),
            ),
            models.CheckConstraint(
                name="webhook_endpoints_valid_status",
                condition=Q(status__in=states.ENDPOINT_STATES),
            ),
            models.CheckConstraint(
                name="webhook_endpoints_disabled_with_its_reason",
                condition=(~Q(status=states.DISABLED) | Q(disabled_reason__isnull=False))
                & (
                    ~Q(status=states.ENABLED)
                    | Q(disabled_reason__isnull=True, deleted_at__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="webhook_endpoints_previous_secret_ends",
                condition=Q(previous_secret_until__isnull=True) | Q(previous_secret__isnull=False),
            ),
        ]
        indexes = [
            NamedIndex(
                F("merchant_id"),
                F("environment"),
                F("id").desc(),
                name="idx_webhook_endpoints_merchant_page",
            ),
            NamedIndex(
                fields=["failing_since"],
                name="idx_webhook_endpoints_failing",
                condition=Q(failing_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint. Partitioned by month through its id.

    The id is made of event and endpoint (``merchants.webhooks.delivery_ids``) and has the event's
    time, so that the same event can't be delivered to an endpoint by two rows. ``attempt`` counts
    all attempts, ``tries`` those since it was last sent anew. While ``leased_until`` is set, a
    worker is at it. The answer's columns tell of the newest attempt.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    event_id = models.UUIDField()
    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    event_type = models.CharField(max_length=60)
    aggregateid = models.CharField(max_length=100)
    position = models.BigIntegerField()
    status = models.CharField(
        max_length=20,
        default=states.DELIVERY_PENDING,
        db_default=states.DELIVERY_PENDING,
        choices=[(state, state) for state in states.DELIVERY_STATES],
    )
    attempt = models.IntegerField(default=0, db_default=0)
    tries = models.SmallIntegerField(default=0, db_default=0)
    leased_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField(null=True)
    response_status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=40, null=True)
    response_excerpt = models.CharField(max_length=1000, null=True)
    duration_ms = models.IntegerField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        app_label = "merchants"
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="webhook_deliveries_valid_status",
                condition=Q(status__in=states.DELIVERY_STATES),
            ),
            models.CheckConstraint(
                name="webhook_deliveries_pending_is_due",
                condition=~Q(status=states.DELIVERY_PENDING)
                | Q(next_attempt_at__isnull=False, give_up_at__isnull=False),
            ),
        ]
        indexes = [
            NamedIndex(
                F("endpoint_id"), F("id").desc(), name="idx_webhook_deliveries_endpoint_page"
            ),
            NamedIndex(
                fields=["endpoint", "next_attempt_at", "position"],
                name="idx_webhook_deliveries_due",
                condition=Q(status=states.DELIVERY_PENDING, leased_until__isnull=True),
            ),
            NamedIndex(
                fields=["endpoint", "leased_until"],
                name="idx_webhook_deliveries_leased",
                condition=Q(leased_until__isnull=False),
            ),
            NamedIndex(
                fields=["give_up_at"],
                name="idx_webhook_deliveries_give_up",
                condition=Q(status=states.DELIVERY_PENDING),
            ),
            NamedIndex(fields=["event_id"], name="idx_webhook_deliveries_event"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.status}"


class WebhookAttempt(Identified):
    """One request to an endpoint and what came of it; never changed. Partitioned by month.

    Either ``response_status`` or ``error`` is set: an answer, or why there was none.
    """

    delivery_id = models.UUIDField()
    endpoint_id = models.UUIDField()
    merchant_id = models.UUIDField()
    environment = models.CharField(max_length=20)
    attempt = models.IntegerField()
    response_status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=40, null=True)
    response_excerpt = models.CharField(max_length=1000, null=True)
    duration_ms = models.IntegerField()
    created_at = models.GeneratedField(
        expression=UUID7Time("id"), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        app_label = "merchants"
        db_table = "webhook_attempts"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="webhook_attempts_answer_or_error",
                condition=Q(response_status__isnull=False) | Q(error__isnull=False),
            ),
        ]
        indexes = [
            NamedIndex(fields=["delivery_id", "id"], name="idx_webhook_attempts_delivery"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt}"
