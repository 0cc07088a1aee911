"""The analytics app."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = "Analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
        from payments_project.events.consumers import register_consumer

        register_consumer(SEARCH_WORDS)
        register_consumer(SEARCH_DOCUMENTS)
