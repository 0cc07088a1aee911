from django.db import migrations

from payments_project.database.migration_operations import StatusMachine


class Migration(migrations.Migration):
    """What a capture or void was settled as stands: no bug and no script reopens it."""

    dependencies = [
        ("payments_project", "0002_cursor_snapshot"),
        ("transactions", "0006_barred_captures"),
    ]

    operations = [
        StatusMachine(
            machine="operation",
            table="gateway_operations",
            transitions={"": ("pending",), "pending": ("succeeded", "failed")},
        ),
    ]
