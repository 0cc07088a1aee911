"""How fresh search is and which engine answers, for ``/metrics``."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings

from analytics.models import SearchIndex
from analytics.search.freshness import read_freshness
from analytics.search.query import ELASTICSEARCH
from analytics.search.search import is_elasticsearch_asked
from payments_project.api.gauges import Gauge


def search_gauges() -> Iterator[Gauge]:
    """Two statements; Elasticsearch is not asked. Of it only where there is one."""
    freshness, now = read_freshness(), datetime.now(UTC)
    is_configured = bool(settings.ELASTICSEARCH_URL)
    yield Gauge(
        "search_behind_seconds",
        "How long ago each engine of search had every change.",
        label="engine",
        values={
            engine: max(0.0, (now - reached).total_seconds())
            for engine, reached in freshness.items()
            if reached is not None and (is_configured or engine != ELASTICSEARCH)
        },
    )
    if not is_configured:
        return
    yield Gauge(
        "search_by_elasticsearch",
        "1 while Elasticsearch answers searches, 0 while PostgreSQL stands in for it.",
        value=float(is_elasticsearch_asked(freshness)),
    )
    building = SearchIndex.objects.filter(state=SearchIndex.BUILDING).first()
    yield Gauge(
        "search_index_documents_left",
        "Payments that are still to be copied into the search index that is being built, about.",
        value=float(max(0, (building.expected_count or 0) - building.copied_count))
        if building
        else 0.0,
    )
