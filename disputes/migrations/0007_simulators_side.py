from django.db import migrations


class Migration(migrations.Migration):
    """The simulator's own record of disputes begins with those that it has told of."""

    dependencies = [("disputes", "0006_dispute_life_cycle")]

    operations = [
        migrations.RunSQL(
            sql=r"""
                INSERT INTO gateway_simulator_disputes (gateway_id, charge_id, dispute_type, reason,
                                                        amount, due_date, status)
                SELECT gateway_dispute_id, transaction_id, dispute_type, reason_code, amount,
                       due_date, CASE status WHEN 'open' THEN 'needs_response' ELSE status END
                  FROM disputes WHERE gateway_dispute_id LIKE 'sim\_dp\_%'
                ON CONFLICT DO NOTHING""",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
