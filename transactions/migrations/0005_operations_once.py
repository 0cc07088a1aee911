from django.db import migrations, models


class Migration(migrations.Migration):
    """Without any lock, too, no capture follows one that succeeded: the index knows of both."""

    dependencies = [("transactions", "0004_callbacks_wait")]

    operations = [
        migrations.RemoveConstraint(
            model_name="gatewayoperation", name="gateway_operations_one_pending"
        ),
        migrations.AddConstraint(
            model_name="gatewayoperation",
            constraint=models.UniqueConstraint(
                fields=["transaction"],
                name="gateway_operations_once",
                condition=models.Q(status__in=["pending", "succeeded"]),
            ),
        ),
    ]
