from django.db import migrations, models


class Migration(migrations.Migration):
    """How far customers' payments are raised for a change of the customer."""

    dependencies = [
        ("transactions", "0013_callbacks_by_charge"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerRaise",
            fields=[
                ("customer_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sequence", models.IntegerField()),
                ("raised_to", models.UUIDField(null=True)),
                ("is_done", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "db_table": "customer_raises",
                "default_permissions": (),
            },
        ),
    ]
