import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models

import payments_project.database.fields
import payments_project.database.uuid7
from payments_project.database.migration_operations import CreateMonthlyModel, RegisterMonthlyTable


class Migration(migrations.Migration):
    """Days whose summaries are due, and search: words in PostgreSQL, indices in Elasticsearch."""

    dependencies = [
        ("analytics", "0005_webhook_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="Projection",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("computed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "projections",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SummaryDayDue",
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
                ("merchant_id", models.UUIDField()),
                ("environment", models.CharField(max_length=20)),
                ("summary_date", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
            ],
            options={
                "db_table": "summary_days_due",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SearchIndex",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "building"),
                            ("live", "live"),
                            ("retired", "retired"),
                        ],
                        default="building",
                        max_length=20,
                    ),
                ),
                ("copied_to", models.UUIDField(null=True)),
                ("copied_count", models.BigIntegerField(db_default=0, default=0)),
                ("expected_count", models.BigIntegerField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
                ("live_at", models.DateTimeField(null=True)),
                ("retired_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "search indices",
                "db_table": "search_indices",
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["building", "live"])),
                        fields=("state",),
                        name="search_indices_one_each",
                    )
                ],
            },
        ),
        CreateMonthlyModel(
            name="TransactionWords",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("revision", models.BigIntegerField()),
                ("words", django.contrib.postgres.search.SearchVectorField()),
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
                "db_table": "transaction_words",
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["words"], name="idx_transaction_words"
                    )
                ],
            },
        ),
        RegisterMonthlyTable("transaction_words"),
    ]
