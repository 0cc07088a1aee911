"""Searching as a merchant does, by either engine."""

import time
from typing import Any

from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
from tests.api_client import Api
from tests.payments_project.events.reading import consume_until

SECONDS_MAX = 20
CONSUMERS = {"postgresql": SEARCH_WORDS, "elasticsearch": SEARCH_DOCUMENTS}


def search(api: Api, **parameters: Any) -> dict[str, Any]:
    """An answer that is expected to be one."""
    response = api.get("/v1/search/transactions", **parameters)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def found_ids(api: Api, **parameters: Any) -> list[str]:
    """The ids of a page."""
    return [row["id"] for row in search(api, **parameters)["data"]]


def caught_up(api: Api, engine: str, **parameters: Any) -> dict[str, Any]:
    """The answer of ``engine`` that takes into account all that is committed by now."""
    now = search(api, **parameters)
    asked_at = time.time()
    found: list[dict[str, Any]] = [now]

    def is_there() -> bool:
        found[0] = search(api, **parameters)
        return found[0]["engine"] == engine and _seconds(found[0]["indexed_up_to"]) > asked_at

    consume_until(CONSUMERS[engine], is_there, seconds=SECONDS_MAX)
    return found[0]


def _seconds(moment: str | None) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp() if moment else 0.0
