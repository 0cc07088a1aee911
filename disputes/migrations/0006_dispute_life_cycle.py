import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import payments_project.database.fields
import payments_project.database.indexes
import payments_project.database.uuid7
from payments_project.database.migration_operations import AddForeignKey, StatusMachine

# An inquiry that was answered or closed may become a chargeback, which is open again.
_REOPENED = ("under_review", "warning_closed")


class Migration(migrations.Migration):
    """Evidence and its files, what is asked of gateways about disputes, reminders, the simulator's
    own record of disputes; refunds that are being cancelled."""

    dependencies = [
        ("disputes", "0005_staff_refunds"),
        ("merchants", "0006_merchant_notices"),
        ("transactions", "0010_staff_acts"),
    ]

    operations = [
        migrations.CreateModel(
            name="DisputeEvidenceFile",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("field", models.CharField(max_length=40)),
            ],
            options={
                "db_table": "dispute_evidence_files",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DisputeOperation",
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
                    "kind",
                    models.CharField(
                        choices=[("submit_evidence", "submit_evidence"), ("accept", "accept")],
                        max_length=20,
                    ),
                ),
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
                ("actor_kind", models.CharField(max_length=20)),
                ("actor_id", models.UUIDField(null=True)),
                ("failure_reason", models.CharField(max_length=40, null=True)),
                ("response", models.JSONField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "dispute_operations",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="EvidenceFile",
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
                ("purpose", models.CharField(default="dispute_evidence", max_length=40)),
                ("filename", models.CharField(max_length=255)),
                ("content_type", models.CharField(max_length=60)),
                ("size", models.IntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("storage_name", models.CharField(max_length=200)),
                ("created_by", models.UUIDField(null=True)),
                ("created_by_kind", models.CharField(max_length=20)),
                (
                    "created_at",
                    models.DateTimeField(db_default=payments_project.database.fields.RowTime()),
                ),
                ("stored_at", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "evidence_files",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="SimulatorDispute",
            fields=[
                ("gateway_id", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("charge_id", models.UUIDField()),
                ("dispute_type", models.CharField(max_length=20)),
                ("reason", models.CharField(max_length=40, null=True)),
                ("amount", models.BigIntegerField()),
                ("due_date", models.DateField(null=True)),
                ("status", models.CharField(max_length=20)),
                (
                    "submissions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        db_default=models.Value(
                            [],
                            output_field=django.contrib.postgres.fields.ArrayField(
                                base_field=models.UUIDField(), size=None
                            ),
                        ),
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=payments_project.database.fields.TransactionTime()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=payments_project.database.fields.TransactionTime()
                    ),
                ),
            ],
            options={
                "db_table": "gateway_simulator_disputes",
                "default_permissions": ("view",),
            },
        ),
        migrations.AlterModelOptions(
            name="dispute",
            options={
                "default_permissions": ("view",),
                "permissions": (
                    ("open_dispute", "Can open disputes"),
                    ("answer_dispute", "Can give and submit evidence of disputes"),
                    ("accept_dispute", "Can accept disputes"),
                    ("decide_dispute", "Can record how disputes ended"),
                    ("reveal_evidence", "Can see the evidence of disputes"),
                ),
            },
        ),
        migrations.AddField(
            model_name="dispute",
            name="fee_is_returned",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="is_at_gateway",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="dispute",
            name="reminded_days",
            field=models.SmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="refund",
            name="cancel_requested_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=payments_project.database.indexes.NamedIndex(
                condition=models.Q(("cancel_requested_at__isnull", False), ("status", "pending")),
                fields=["id"],
                name="idx_refunds_cancelling",
            ),
        ),
        migrations.AddField(
            model_name="disputeevidencefile",
            name="dispute",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="evidence_files",
                to="disputes.dispute",
            ),
        ),
        migrations.AddField(
            model_name="disputeoperation",
            name="dispute",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="operations",
                to="disputes.dispute",
            ),
        ),
        migrations.AddField(
            model_name="evidencefile",
            name="merchant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                to="merchants.merchant",
            ),
        ),
        migrations.AddField(
            model_name="disputeevidencefile",
            name="file",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="uses",
                to="disputes.evidencefile",
            ),
        ),
        migrations.AddIndex(
            model_name="disputeoperation",
            index=payments_project.database.indexes.NamedIndex(
                fields=["dispute"], name="idx_dispute_operations_dispute"
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeoperation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "pending")),
                fields=("dispute",),
                name="dispute_operations_one_pending",
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["submit_evidence", "accept"])),
                name="dispute_operations_valid_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("pending", "succeeded", "failed"))),
                name="dispute_operations_valid_status",
            ),
        ),
        migrations.AddIndex(
            model_name="evidencefile",
            index=payments_project.database.indexes.NamedIndex(
                models.F("merchant_id"),
                models.F("environment"),
                models.OrderBy(models.F("id"), descending=True),
                name="idx_evidence_files_page",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencefile",
            constraint=models.CheckConstraint(
                condition=models.Q(("environment__in", ("live", "test"))),
                name="evidence_files_valid_environment",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencefile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("content_type__in", ["application/pdf", "image/png", "image/jpeg"])
                ),
                name="evidence_files_valid_content_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencefile",
            constraint=models.CheckConstraint(
                condition=models.Q(("size__gt", 0), ("size__lte", 5242880)),
                name="evidence_files_size_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencefile",
            constraint=models.UniqueConstraint(
                fields=("storage_name",), name="evidence_files_storage_name_once"
            ),
        ),
        migrations.AddIndex(
            model_name="disputeevidencefile",
            index=payments_project.database.indexes.NamedIndex(
                fields=["file"], name="idx_dispute_evidence_files_file"
            ),
        ),
        migrations.AddConstraint(
            model_name="disputeevidencefile",
            constraint=models.UniqueConstraint(
                fields=("dispute", "field"), name="dispute_evidence_files_field_once"
            ),
        ),
        AddForeignKey("dispute_operations", "dispute_id", "disputes"),
        AddForeignKey("dispute_evidence_files", "dispute_id", "disputes"),
        AddForeignKey("dispute_evidence_files", "file_id", "evidence_files"),
        StatusMachine(
            machine="dispute_operation",
            table="dispute_operations",
            transitions={"": ("pending",), "pending": ("succeeded", "failed")},
        ),
        migrations.RunSQL(
            sql=[
                (
                    "INSERT INTO status_transitions (machine, from_status, to_status)"
                    " VALUES ('dispute', %s, 'open')",
                    [start],
                )
                for start in _REOPENED
            ],
            reverse_sql=[
                (
                    "DELETE FROM status_transitions WHERE machine = 'dispute'"
                    " AND from_status = %s AND to_status = 'open'",
                    [start],
                )
                for start in _REOPENED
            ],
        ),
        # Until now only gateways opened disputes.
        migrations.RunSQL(
            sql="UPDATE disputes SET is_at_gateway = true WHERE gateway_dispute_id IS NOT NULL",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
