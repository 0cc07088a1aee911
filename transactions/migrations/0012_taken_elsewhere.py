from django.db import migrations

from payments_project.database.migration_operations import RunSQLFile


class Migration(migrations.Migration):
    """What was recorded before: its references are taken, and its money is nobody's to pay out."""

    dependencies = [("transactions", "0011_payouts")]

    operations = [RunSQLFile(__file__, "0012_taken_elsewhere")]
