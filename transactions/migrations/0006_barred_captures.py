from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    """The simulator can be told that a capture must not be carried out any more."""

    dependencies = [("transactions", "0005_operations_once")]

    operations = [
        migrations.AddField(
            model_name="simulatorcharge",
            name="barred_captures",
            field=ArrayField(base_field=models.UUIDField(), null=True, size=None),
        ),
    ]
