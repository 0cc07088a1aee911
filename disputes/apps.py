"""The disputes app."""

from django.apps import AppConfig


class DisputesConfig(AppConfig):
    name = "disputes"
    verbose_name = "Refunds and disputes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from disputes.access import transaction_of
        from disputes.api.expanders import register_expanders
        from disputes.event_types import register_dispute_event_types
        from disputes.services.gateway_messages import register_gateway_messages
        from transactions.ledger_sources import register_source

        register_gateway_messages()
        register_expanders()
        register_source(transaction_of)
        register_dispute_event_types()
