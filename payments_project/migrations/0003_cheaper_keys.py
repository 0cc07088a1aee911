from django.db import migrations

from payments_project.database.migration_operations import RunSQLFile


class Migration(migrations.Migration):
    """Cheaper idempotency keys, of which every payment writes one twice.

    Old ones are found by their ids, which begin with the time, so the index on it goes. And pages
    are left half empty, so that the reply, which is longer than the claim, finds room beside it:
    then no index is written again (PostgreSQL's HOT updates).
    """

    dependencies = [("payments_project", "0002_cursor_snapshot")]

    operations = [
        migrations.RemoveIndex(model_name="idempotencykey", name="idx_idempotency_keys_created"),
        RunSQLFile(__file__, "0003_cheaper_keys"),
    ]
