from django.db import migrations, models

from payments_project.database.conditions import OneOf


class Migration(migrations.Migration):
    """The source design's two lists of values in the form that costs a payment half: one constant,
    which every statement that writes a transaction parses anew, in place of an expression each. And
    no index on the simulator's gateway ids, which are made of the references."""

    dependencies = [("transactions", "0008_entries_by_source")]

    operations = [
        migrations.RemoveConstraint(model_name="transaction", name="valid_status"),
        migrations.RemoveConstraint(model_name="transaction", name="valid_risk_level"),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=OneOf(
                    "status",
                    (
                        "pending",
                        "authorized",
                        "captured",
                        "succeeded",
                        "refunded",
                        "disputed",
                        "failed",
                        "cancelled",
                    ),
                ),
                name="valid_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=OneOf("risk_level", ("low", "medium", "high")), name="valid_risk_level"
            ),
        ),
        migrations.AlterField(
            model_name="simulatorcharge",
            name="gateway_id",
            field=models.CharField(max_length=40),
        ),
    ]
