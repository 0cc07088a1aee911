"""The analytics app."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = "Analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from analytics.api.search_gauges import search_gauges
        from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
        from analytics.services.mark_days_due import DAILY_SUMMARIES
        from payments_project.api.gauges import register_gauges
        from payments_project.events.consumers import register_consumer

        for consumer in (DAILY_SUMMARIES, SEARCH_WORDS, SEARCH_DOCUMENTS):
            register_consumer(consumer)
        register_gauges(search_gauges)
