from django.db import migrations, models

from payments_project.database.indexes import NamedIndex


class Migration(migrations.Migration):
    """What was about no payment is found by its id; all else by its payment, which has an index."""

    dependencies = [("transactions", "0007_operation_states")]

    operations = [
        migrations.AddIndex(
            model_name="ledgerentry",
            index=NamedIndex(
                fields=["source_id"],
                name="idx_ledger_entries_source",
                condition=models.Q(transaction_id__isnull=True),
            ),
        ),
    ]
