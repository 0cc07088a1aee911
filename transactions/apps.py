"""The transactions app."""

from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    name = "transactions"
    verbose_name = "Transactions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from payments_project.events.consumers import register_consumer
        from payments_project.events.cursors import Reader, register_reader
        from transactions.balances import CURSOR, rebuild_balances
        from transactions.event_types import register_transaction_event_types
        from transactions.services.approve_adjustment import register_adjustment_approval
        from transactions.services.approve_payout import register_payout_approval
        from transactions.services.callbacks import register_charge_messages
        from transactions.services.payout_messages import register_payout_messages
        from transactions.services.total_customers import CUSTOMER_TOTALS

        register_charge_messages()
        register_payout_messages()
        register_payout_approval()
        register_adjustment_approval()
        register_consumer(CUSTOMER_TOTALS)
        register_transaction_event_types()
        register_reader(Reader(CURSOR, "ledger_entries", rebuild_balances))
