from django.db import migrations, models

from payments_project.database.fields import RowTime


class Migration(migrations.Migration):
    """A list in the order of its ids is in that of these times too."""

    dependencies = [("disputes", "0003_unanswered_refunds")]

    operations = [
        migrations.AlterField(
            model_name="dispute",
            name="created_at",
            field=models.DateTimeField(null=True, db_default=RowTime()),
        ),
        migrations.AlterField(
            model_name="refund",
            name="created_at",
            field=models.DateTimeField(null=True, db_default=RowTime()),
        ),
    ]
