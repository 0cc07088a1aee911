from django.db import migrations

from payments_project.database.migration_operations import RunSQLFile


class Migration(migrations.Migration):
    """A cursor of another cluster stops its reader, which else would miss rows without a word."""

    dependencies = [("payments_project", "0001_initial")]

    operations = [RunSQLFile(__file__, "0002_cursor_snapshot")]
