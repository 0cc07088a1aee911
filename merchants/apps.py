"""The merchants app."""

from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    name = "merchants"
    verbose_name = "Merchants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from merchants.api.expanders import register_expanders
        from merchants.event_types import register_merchant_event_types

        register_expanders()
        register_merchant_event_types()
