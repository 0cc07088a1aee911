from django.db import migrations


class Migration(migrations.Migration):
    """A right of staff: to see a customer's encrypted personal data, each time on record."""

    dependencies = [("merchants", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="customer",
            options={
                "default_permissions": ("view",),
                "permissions": (("reveal_customer", "Can see personal data of customers"),),
            },
        ),
    ]
