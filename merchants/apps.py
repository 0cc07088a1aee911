"""The merchants app."""

from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    name = "merchants"
    verbose_name = "Merchants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from merchants.api.expanders import register_expanders
        from merchants.api.webhook_gauges import webhook_gauges
        from merchants.event_types import register_merchant_event_types
        from merchants.services.fan_out_webhooks import WEBHOOKS
        from payments_project.api.gauges import register_gauges
        from payments_project.events.consumers import register_consumer

        register_consumer(WEBHOOKS)
        register_expanders()
        register_gauges(webhook_gauges)
        register_merchant_event_types()
