"""How fresh each engine's answers are."""

from datetime import datetime

from django.conf import settings

from analytics.search.consumers import DOCUMENTS, WORDS
from analytics.search.query import ELASTICSEARCH, POSTGRESQL
from payments_project.events.reach import read_reaches


def read_freshness() -> dict[str, datetime | None]:
    """Up to when each engine has every change; None where that is not known. One statement."""
    reached = read_reaches([WORDS, DOCUMENTS], is_from_log=not settings.KAFKA_BOOTSTRAP_SERVERS)
    return {POSTGRESQL: reached.get(WORDS), ELASTICSEARCH: reached.get(DOCUMENTS)}
