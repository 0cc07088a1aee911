"""The vault as a Django app."""

from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "vault"
    verbose_name = "Vault"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from merchants.erasure import register_eraser
        from vault.api.expanders import register_expanders
        from vault.event_types import register_payment_method_event_types
        from vault.services.erase_cards import erase_cards

        register_expanders()
        register_eraser(erase_cards)
        register_payment_method_event_types()
