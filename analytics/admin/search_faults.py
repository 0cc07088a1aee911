"""What the home page's tile *Engines* says of search."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from analytics.search.freshness import freshness_of, freshness_statement
from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from analytics.search.search import is_elasticsearch_asked, why_not_elasticsearch
from payments_project.console.engines import FaultSource, register_faults
from payments_project.console.event_readers import duration

# Whoever searches sees how fresh the answer is; staff are told when it is older than this.
LATE_AFTER = timedelta(minutes=2)


def faults_of(answer: Any) -> list[str]:
    """That PostgreSQL stands in for Elasticsearch, and that searches miss what is long done."""
    freshness = freshness_of(answer)
    is_asked = is_elasticsearch_asked(freshness)
    faults = []
    if settings.ELASTICSEARCH_URL and not is_asked:
        why = why_not_elasticsearch(freshness)
        faults.append(f"PostgreSQL answers searches in place of Elasticsearch: {why}")
    late = _late(freshness, ELASTICSEARCH if is_asked else POSTGRESQL)
    return [*faults, f"search is {late} behind"] if late else faults


def _late(freshness: Mapping[str, datetime | None], engine: str) -> str:
    reached = freshness[engine]
    behind = datetime.now(UTC) - reached if reached else timedelta(0)
    return duration(behind.total_seconds()) if behind > LATE_AFTER else ""


register_faults(FaultSource(statement=freshness_statement, faults_of=faults_of))
