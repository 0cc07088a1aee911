from django.db import migrations, models

from payments_project.database.fields import TransactionTime
from payments_project.database.indexes import NamedIndex


class Migration(migrations.Migration):
    """A gateway's message that can't be applied yet waits longer each time, and holds up no other."""

    dependencies = [("transactions", "0003_captured_index")]

    operations = [
        migrations.AddField(
            model_name="gatewaycallback",
            name="next_attempt_at",
            field=models.DateTimeField(db_default=TransactionTime()),
        ),
        migrations.RemoveIndex(model_name="gatewaycallback", name="idx_gateway_callbacks_open"),
        migrations.AddIndex(
            model_name="gatewaycallback",
            index=NamedIndex(
                fields=["next_attempt_at"],
                name="idx_gateway_callbacks_open",
                condition=models.Q(processed_at__isnull=True),
            ),
        ),
    ]
