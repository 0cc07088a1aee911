from django.db import migrations, models


class Migration(migrations.Migration):
    """How the last runs of jobs went, and how far consumers have come."""

    dependencies = [
        ("payments_project", "0009_event_readers_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsumerReach",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "consumer",
                        "source",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("consumer", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=200)),
                ("reached_at", models.DateTimeField()),
            ],
            options={
                "db_table": "consumer_reaches",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ScheduledJob",
            fields=[
                ("task", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("last_started_at", models.DateTimeField(null=True)),
                ("last_duration_ms", models.IntegerField(null=True)),
                (
                    "last_outcome",
                    models.CharField(
                        choices=[
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("skipped", "skipped"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("last_detail", models.CharField(db_default="", default="", max_length=300)),
                ("last_succeeded_at", models.DateTimeField(null=True)),
                ("last_failed_at", models.DateTimeField(null=True)),
                ("runs", models.BigIntegerField(db_default=0, default=0)),
                ("failures", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "scheduled_jobs",
                "default_permissions": ("view",),
            },
        ),
    ]
