from datetime import UTC, datetime

from django.db import migrations, models

from payments_project.database.fields import TransactionTime


class Migration(migrations.Migration):
    """Since when a merchant has payments; for those that are there, since ever."""

    dependencies = [("merchants", "0002_reveal_customer")]

    operations = [
        migrations.AddField(
            model_name="merchant",
            name="history_starts_at",
            field=models.DateTimeField(default=datetime(2000, 1, 1, tzinfo=UTC), editable=False),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="merchant",
            name="history_starts_at",
            field=models.DateTimeField(db_default=TransactionTime(), editable=False),
        ),
    ]
