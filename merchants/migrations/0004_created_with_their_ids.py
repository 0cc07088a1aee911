from django.db import migrations, models

from payments_project.database.fields import RowTime


class Migration(migrations.Migration):
    """A list in the order of its ids is in that of these times too."""

    dependencies = [("merchants", "0003_merchant_history_starts_at")]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="created_at",
            field=models.DateTimeField(null=True, db_default=RowTime()),
        ),
        migrations.AlterField(
            model_name="customer",
            name="created_at",
            field=models.DateTimeField(null=True, db_default=RowTime()),
        ),
    ]
