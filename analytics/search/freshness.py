"""How fresh each engine's answers are."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from analytics.search.consumers import DOCUMENTS, WORDS
from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from payments_project.events.reach import reaches_statement, read_reaches


def read_freshness() -> dict[str, datetime | None]:
    """Up to when each engine has every change; None where that is not known. One statement."""
    reached = read_reaches([WORDS, DOCUMENTS], is_from_log=_is_from_log())
    return {POSTGRESQL: reached.get(WORDS), ELASTICSEARCH: reached.get(DOCUMENTS)}


def freshness_statement() -> str:
    """What ``read_freshness`` asks, for whoever asks other things with it: one value, for
    ``freshness_of``."""
    return reaches_statement([WORDS, DOCUMENTS], is_from_log=_is_from_log())


def freshness_of(answer: Any) -> dict[str, datetime | None]:
    """What ``freshness_statement`` was answered."""
    found = json.loads(answer) if isinstance(answer, str) else answer or {}
    return {
        engine: datetime.fromisoformat(found[consumer]) if consumer in found else None
        for engine, consumer in ((POSTGRESQL, WORDS), (ELASTICSEARCH, DOCUMENTS))
    }


def _is_from_log() -> bool:
    return not settings.KAFKA_BOOTSTRAP_SERVERS
