import django.contrib.postgres.indexes
from django.db import migrations, models

import payments_project.database.fields
import payments_project.database.uuid7
from payments_project.database.migration_operations import RunSQLFile


class Migration(migrations.Migration):
    """Readers of the log page through a backlog, set aside what they can't handle, and let old
    months go."""

    dependencies = [
        ("payments_project", "0007_rights"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
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
                ("consumer", models.CharField(max_length=60)),
                ("source", models.CharField(max_length=200)),
                ("event_id", models.UUIDField(null=True)),
                ("event_type", models.CharField(max_length=60, null=True)),
                ("merchant_id", models.UUIDField(null=True)),
                ("content", models.BinaryField(null=True)),
                ("cause", models.CharField(max_length=300)),
                ("attempts", models.IntegerField(db_default=1, default=1)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
                (
                    "last_attempt_at",
                    models.DateTimeField(
                        db_default=payments_project.database.fields.TransactionTime()
                    ),
                ),
                ("handled_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "dead_letters",
                "permissions": (
                    ("replay_deadletter", "Can hand dead letters to their consumers again"),
                ),
                "default_permissions": ("view",),
            },
        ),
        migrations.AddField(
            model_name="eventcursor",
            name="position",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="eventcursor",
            name="reads",
            field=models.CharField(db_default="events", default="events", max_length=63),
        ),
        migrations.AddField(
            model_name="eventcursor",
            name="target",
            field=payments_project.database.fields.SnapshotField(null=True),
        ),
        migrations.AddField(
            model_name="monthlytable",
            name="is_dropped",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["position"],
                name="idx_events_position",
                pages_per_range=32,
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("handled_at__isnull", True)),
                fields=["consumer", "id"],
                name="idx_dead_letters_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadletter",
            constraint=models.UniqueConstraint(
                fields=("consumer", "source"), name="dead_letters_once"
            ),
        ),
        migrations.RunSQL(
            "UPDATE event_cursors SET reads = 'ledger_entries' WHERE name = 'ledger_balances'",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "UPDATE monthly_tables SET is_dropped = true WHERE table_name = 'events'",
            migrations.RunSQL.noop,
        ),
        RunSQLFile(__file__, "0008_drop_monthly_partition"),
    ]
