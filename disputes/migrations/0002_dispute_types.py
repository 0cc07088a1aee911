from django.db import migrations, models


class Migration(migrations.Migration):
    """A dispute is of a type that the product knows: what is to be done for another nobody said."""

    dependencies = [("disputes", "0001_initial")]

    operations = [
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(dispute_type__in=("chargeback", "inquiry")),
                name="valid_dispute_type",
            ),
        ),
    ]
