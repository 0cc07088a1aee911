import django.db.models.deletion
from django.db import migrations, models

import payments_project.database.fields
import payments_project.database.indexes
import payments_project.database.uuid7


class Migration(migrations.Migration):
    """E-mails to merchants, written with what they tell and sent afterwards."""

    dependencies = [
        ("merchants", "0005_onboarding"),
    ]

    operations = [
        migrations.CreateModel(
            name="MerchantNotice",
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
                (
                    "environment",
                    models.CharField(choices=[("live", "live"), ("test", "test")], max_length=20),
                ),
                ("kind", models.CharField(max_length=60)),
                ("object_id", models.UUIDField()),
                ("occasion", models.CharField(max_length=60)),
                ("context", models.JSONField(default=dict)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
                ("attempts", models.SmallIntegerField(db_default=0, default=0)),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        db_default=payments_project.database.fields.TransactionTime()
                    ),
                ),
                ("last_error", models.CharField(max_length=200, null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("gave_up_at", models.DateTimeField(null=True)),
                (
                    "merchant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="merchants.merchant",
                    ),
                ),
            ],
            options={
                "db_table": "merchant_notices",
                "default_permissions": ("view",),
                "indexes": [
                    payments_project.database.indexes.NamedIndex(
                        condition=models.Q(("gave_up_at__isnull", True), ("sent_at__isnull", True)),
                        fields=["next_attempt_at"],
                        name="idx_merchant_notices_due",
                    ),
                    payments_project.database.indexes.NamedIndex(
                        models.F("merchant_id"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="idx_merchant_notices_merchant",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("object_id", "kind", "occasion"), name="merchant_notices_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("environment__in", ("live", "test"))),
                        name="merchant_notices_valid_environment",
                    ),
                ],
            },
        ),
    ]
