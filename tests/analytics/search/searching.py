"""Searching as a merchant does, by either engine."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
from tests.api_client import Api
from tests.payments_project.events.reading import consume_until

POSTGRESQL, ELASTICSEARCH = "postgresql", "elasticsearch"
CONSUMERS = {POSTGRESQL: SEARCH_WORDS, ELASTICSEARCH: SEARCH_DOCUMENTS}
PATH = "/v1/search/transactions"


def search(api: Api, **parameters: Any) -> dict[str, Any]:
    """An answer that is expected to be one."""
    response = api.get(PATH, **parameters)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    """The ids of a page's transactions."""
    return [row["id"] for row in answer["data"]]


def catch_up(api: Api, engine: str) -> None:
    """Has ``engine`` take in all that is committed by now, and answer."""
    began = time.time()

    def is_there() -> bool:
        found = search(api, q="anything")
        reached = found["indexed_up_to"]
        return found["engine"] == engine and reached is not None and _seconds(reached) > began

    consume_until(CONSUMERS[engine], is_there, seconds=30)
    if engine == ELASTICSEARCH:
        # What was written is seen a moment later: by the next refresh, and by the next second's
        # point in time.
        from analytics.search.elastic.client import client
        from analytics.search.elastic.documents import ALIAS

        client().indices.refresh(index=ALIAS)
        time.sleep(1.05)


def indexed(api: Api, engine: str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes, once ``engine`` knows of it."""
    made = make()
    catch_up(api, engine)
    return made


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def document_of(transaction_id: str) -> dict[str, Any]:
    """The payment's document, from the live index."""
    from analytics.search.elastic.client import client
    from analytics.search.elastic.documents import ALIAS

    found: dict[str, Any] = client().get(index=ALIAS, id=transaction_id)["_source"]
    return found
