from django.db import migrations, models

from payments_project.database.indexes import NamedIndex


class Migration(migrations.Migration):
    """Refunds to ask about every few seconds are found without a walk over those that wait for a
    bank."""

    dependencies = [("disputes", "0002_dispute_types")]

    operations = [
        migrations.AddIndex(
            model_name="refund",
            index=NamedIndex(
                fields=["id"],
                name="idx_refunds_unanswered",
                condition=models.Q(status="pending", awaits_gateway=False),
            ),
        ),
    ]
