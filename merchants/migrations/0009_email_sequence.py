from django.db import migrations, models


class Migration(migrations.Migration):
    """Which event told of a customer's last address."""

    dependencies = [
        ("merchants", "0008_webhooks"),
    ]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="email_sequence",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
    ]
