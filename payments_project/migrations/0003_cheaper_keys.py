from django.db import migrations


class Migration(migrations.Migration):
    """Idempotency keys without an index on their time: old ones are found by their ids, which begin
    with it, and every payment writes a key twice."""

    dependencies = [("payments_project", "0002_cursor_snapshot")]

    operations = [
        migrations.RemoveIndex(model_name="idempotencykey", name="idx_idempotency_keys_created"),
    ]
