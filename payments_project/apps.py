"""The shared ground as a Django app."""

from django.apps import AppConfig


class PaymentsProjectConfig(AppConfig):
    name = "payments_project"
    verbose_name = "Platform"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from payments_project.api.event_gauges import (
            dead_letter_gauges,
            group_gauges,
            reader_gauges,
        )
        from payments_project.api.gauges import register_gauges
        from payments_project.api.job_gauges import job_gauges

        for ask in (reader_gauges, dead_letter_gauges, group_gauges, job_gauges):
            register_gauges(ask)
