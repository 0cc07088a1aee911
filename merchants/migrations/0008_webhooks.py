import django.contrib.postgres.fields
import django.db.models.deletion
import django_cryptography.fields
from django.db import migrations, models

import payments_project.database.fields
import payments_project.database.indexes
import payments_project.database.uuid7
from payments_project.database.migration_operations import (
    CreateMonthlyModel,
    MakeAppendOnly,
    RegisterMonthlyTable,
    StatusMachine,
)


class Migration(migrations.Migration):
    """Webhook endpoints, their deliveries and attempts."""

    dependencies = [
        ("merchants", "0007_rights"),
        ("payments_project", "0008_event_readers"),
    ]

    operations = [
        CreateMonthlyModel(
            name="WebhookAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=payments_project.database.uuid7.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("delivery_id", models.UUIDField()),
                ("endpoint_id", models.UUIDField()),
                ("merchant_id", models.UUIDField()),
                ("environment", models.CharField(max_length=20)),
                ("attempt", models.IntegerField()),
                ("response_status", models.SmallIntegerField(null=True)),
                ("error", models.CharField(max_length=40, null=True)),
                ("response_excerpt", models.CharField(max_length=1000, null=True)),
                ("duration_ms", models.IntegerField()),
                (
                    "created_at",
                    models.GeneratedField(
                        db_persist=True,
                        expression=payments_project.database.uuid7.UUID7Time("id"),
                        output_field=models.DateTimeField(),
                    ),
                ),
            ],
            options={
                "db_table": "webhook_attempts",
                "default_permissions": ("view",),
                "indexes": [
                    payments_project.database.indexes.NamedIndex(
                        fields=["delivery_id", "id"], name="idx_webhook_attempts_delivery"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("response_status__isnull", False),
                            ("error__isnull", False),
                            _connector="OR",
                        ),
                        name="webhook_attempts_answer_or_error",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=payments_project.database.uuid7.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("event_sequence", models.IntegerField(db_default=0, default=0, editable=False)),
                (
                    "environment",
                    models.CharField(choices=[("live", "live"), ("test", "test")], max_length=20),
                ),
                ("url", models.CharField(max_length=2048)),
                ("description", models.CharField(max_length=500, null=True)),
                (
                    "enabled_events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), size=None
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("enabled", "enabled"), ("disabled", "disabled")],
                        db_default="enabled",
                        default="enabled",
                        max_length=20,
                    ),
                ),
                ("disabled_reason", models.CharField(max_length=20, null=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                ("secret", django_cryptography.fields.encrypt(models.CharField(max_length=100))),
                (
                    "previous_secret",
                    django_cryptography.fields.encrypt(models.CharField(max_length=100, null=True)),
                ),
                ("previous_secret_until", models.DateTimeField(null=True)),
                ("consecutive_failures", models.IntegerField(db_default=0, default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("paused_until", models.DateTimeField(null=True)),
                ("created_by", models.UUIDField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=payments_project.database.fields.TransactionTime()
                    ),
                ),
                ("deleted_at", models.DateTimeField(null=True)),
                (
                    "merchant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhook_endpoints",
                        to="merchants.merchant",
                    ),
                ),
            ],
            options={
                "db_table": "webhook_endpoints",
                "permissions": (
                    (
                        "change_webhookendpoint",
                        "Can switch webhook endpoints on and off and test them",
                    ),
                    ("resend_webhookdelivery", "Can send webhooks again"),
                ),
                "default_permissions": ("view",),
            },
        ),
        CreateMonthlyModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("event_id", models.UUIDField()),
                ("merchant_id", models.UUIDField()),
                ("environment", models.CharField(max_length=20)),
                ("event_type", models.CharField(max_length=60)),
                ("aggregateid", models.CharField(max_length=100)),
                ("position", models.BigIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("attempt", models.IntegerField(db_default=0, default=0)),
                ("tries", models.SmallIntegerField(db_default=0, default=0)),
                ("leased_until", models.DateTimeField(null=True)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("give_up_at", models.DateTimeField(null=True)),
                ("response_status", models.SmallIntegerField(null=True)),
                ("error", models.CharField(max_length=40, null=True)),
                ("response_excerpt", models.CharField(max_length=1000, null=True)),
                ("duration_ms", models.IntegerField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "created_at",
                    models.GeneratedField(
                        db_persist=True,
                        expression=payments_project.database.uuid7.UUID7Time("id"),
                        output_field=models.DateTimeField(),
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="merchants.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "db_table": "webhook_deliveries",
                "default_permissions": ("view",),
            },
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=payments_project.database.indexes.NamedIndex(
                models.F("merchant_id"),
                models.F("environment"),
                models.OrderBy(models.F("id"), descending=True),
                name="idx_webhook_endpoints_merchant_page",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=payments_project.database.indexes.NamedIndex(
                condition=models.Q(("failing_since__isnull", False)),
                fields=["failing_since"],
                name="idx_webhook_endpoints_failing",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("environment__in", ("live", "test"))),
                name="webhook_endpoints_valid_environment",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("enabled", "disabled"))),
                name="webhook_endpoints_valid_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(("status", "disabled"), _negated=True),
                        ("disabled_reason__isnull", False),
                        _connector="OR",
                    ),
                    models.Q(
                        models.Q(("status", "enabled"), _negated=True),
                        models.Q(("deleted_at__isnull", True), ("disabled_reason__isnull", True)),
                        _connector="OR",
                    ),
                ),
                name="webhook_endpoints_disabled_with_its_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("previous_secret_until__isnull", True),
                    ("previous_secret__isnull", False),
                    _connector="OR",
                ),
                name="webhook_endpoints_previous_secret_ends",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=payments_project.database.indexes.NamedIndex(
                models.F("endpoint_id"),
                models.OrderBy(models.F("id"), descending=True),
                name="idx_webhook_deliveries_endpoint_page",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=payments_project.database.indexes.NamedIndex(
                condition=models.Q(("leased_until__isnull", True), ("status", "pending")),
                fields=["endpoint", "next_attempt_at", "position"],
                name="idx_webhook_deliveries_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=payments_project.database.indexes.NamedIndex(
                condition=models.Q(("leased_until__isnull", False)),
                fields=["endpoint", "leased_until"],
                name="idx_webhook_deliveries_leased",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=payments_project.database.indexes.NamedIndex(
                condition=models.Q(("status", "pending")),
                fields=["give_up_at"],
                name="idx_webhook_deliveries_give_up",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=payments_project.database.indexes.NamedIndex(
                fields=["event_id"], name="idx_webhook_deliveries_event"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("pending", "succeeded", "failed"))),
                name="webhook_deliveries_valid_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "pending"), _negated=True),
                    models.Q(("give_up_at__isnull", False), ("next_attempt_at__isnull", False)),
                    _connector="OR",
                ),
                name="webhook_deliveries_pending_is_due",
            ),
        ),
        RegisterMonthlyTable("webhook_deliveries", is_dropped=True),
        RegisterMonthlyTable("webhook_attempts", is_dropped=True),
        MakeAppendOnly("webhook_attempts"),
        StatusMachine(
            machine="webhook_endpoint",
            table="webhook_endpoints",
            transitions={
                "": ("enabled", "disabled"),
                "enabled": ("disabled",),
                "disabled": ("enabled",),
            },
        ),
        StatusMachine(
            machine="webhook_delivery",
            table="webhook_deliveries",
            transitions={
                "": ("pending",),
                "pending": ("succeeded", "failed"),
                "succeeded": ("pending",),
                "failed": ("pending", "succeeded"),
            },
        ),
    ]
