"""The transactions app."""

from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    name = "transactions"
    verbose_name = "Transactions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from transactions.services.callbacks import register_charge_messages

        register_charge_messages()
