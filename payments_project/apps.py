"""The shared ground as a Django app."""

from django.apps import AppConfig


class PaymentsProjectConfig(AppConfig):
    name = "payments_project"
    verbose_name = "Platform"
    default_auto_field = "django.db.models.BigAutoField"
