from django.db import migrations, models

from payments_project.database.indexes import NamedIndex


class Migration(migrations.Migration):
    """Captures that wait for their confirmation are found without a walk over every payment."""

    dependencies = [
        ("merchants", "0003_merchant_history_starts_at"),
        ("transactions", "0002_cheaper_writes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=NamedIndex(
                fields=["id"],
                name="idx_transactions_captured",
                condition=models.Q(status="captured"),
            ),
        ),
    ]
