import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import payments_project.database.uuid7


class Migration(migrations.Migration):
    """How staff sign in: sessions that know whose they are (in place of Django's own table), second
    factors, and counts of failed attempts."""

    dependencies = [
        ("payments_project", "0004_approvals"),
    ]

    operations = [
        migrations.CreateModel(
            name="BackupCode",
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
                ("code_hash", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "staff_backup_codes",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "code_hash"), name="staff_backup_codes_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
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
                ("encryption_key_id", models.CharField(max_length=100)),
                ("secret", models.BinaryField()),
                ("last_step", models.BigIntegerField()),
                ("enrolled_at", models.DateTimeField()),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "staff_second_factors",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SignInCounter",
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
                ("scope", models.CharField(max_length=10)),
                ("key", models.CharField(max_length=100)),
                ("failures", models.IntegerField()),
                ("last_failed_at", models.DateTimeField()),
                ("locked_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "sign_in_counters",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "key"), name="sign_in_counters_once"),
                    models.CheckConstraint(
                        condition=models.Q(("failures__gte", 0)), name="sign_in_counters_failures"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffSession",
            fields=[
                (
                    "session_key",
                    models.CharField(
                        max_length=40, primary_key=True, serialize=False, verbose_name="session key"
                    ),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("signed_in_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("ip_address", models.GenericIPAddressField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        null=True,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "staff_sessions",
                "default_permissions": (),
            },
        ),
        migrations.AlterModelOptions(
            name="staffuser",
            options={
                "permissions": [
                    ("reset_second_factor", "Can reset a colleague's second factor"),
                    ("unlock_staffuser", "Can unlock a colleague's account"),
                    ("end_sessions", "Can sign a colleague out everywhere"),
                ],
                "verbose_name": "staff user",
            },
        ),
        migrations.AddField(
            model_name="auditentry",
            name="user_agent",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["action", "-id"], name="idx_audit_action"),
        ),
        migrations.RunSQL("DROP TABLE IF EXISTS django_session", migrations.RunSQL.noop),
    ]
