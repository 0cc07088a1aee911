"""How fresh each engine's answers are."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from analytics.search.consumers import DOCUMENTS, WORDS
from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from payments_project.events.reach import reaches_statement, read_reaches

Freshness = Mapping[str, datetime | None]

RECENT_SECONDS = 1.0
_recent: tuple[float, Freshness] = (float("-inf"), {})


def read_freshness() -> dict[str, datetime | None]:
    """Up to when each engine has every change; None where that is not known. One statement."""
    reached = read_reaches([WORDS, DOCUMENTS], is_from_log=_is_from_log())
    return {POSTGRESQL: reached.get(WORDS), ELASTICSEARCH: reached.get(DOCUMENTS)}


def recent_freshness() -> Freshness:
    """What ``read_freshness`` said within the last second: what was reached then is reached now.
    For searches, of which there may be many in a second."""
    global _recent  # noqa: PLW0603
    read_at, freshness = _recent
    now = time.monotonic()
    if now - read_at > RECENT_SECONDS:
        freshness = read_freshness()
        _recent = now, freshness
    return freshness


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
