from django.db import migrations


class Migration(migrations.Migration):
    """Drops the index for LIKE that Django adds to a text key: tokens are looked up whole only.

    Not part of 0001, because Django creates that index after a migration's last operation.
    """

    dependencies = [("vault", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="DROP INDEX payment_methods_vault_token_4b77c178_like",
            reverse_sql="CREATE INDEX payment_methods_vault_token_4b77c178_like"
            " ON payment_methods_vault (token varchar_pattern_ops)",
        ),
    ]
