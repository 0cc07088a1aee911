"""Searching as a merchant does, by either engine."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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
    began = datetime.now(UTC)
    consume_until(CONSUMERS[engine], lambda: is_searched(api, engine, since=began), seconds=30)


def is_searched(api: Api, engine: str, *, since: datetime) -> bool:
    """Whether ``engine`` answers, with all that was there at ``since``, to the millisecond."""
    found = search(api, q="anything")
    if found["engine"] != engine or found["indexed_up_to"] is None:
        return False
    reached = datetime.fromisoformat(found["indexed_up_to"])
    return reached > since - timedelta(milliseconds=1)


def indexed(api: Api, engine: str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes, once ``engine`` knows of it."""
    made = make()
    catch_up(api, engine)
    return made


def document_of(transaction_id: str) -> dict[str, Any]:
    """The payment's document, from the live index."""
    from analytics.search.elastic.client import client
    from analytics.search.elastic.documents import ALIAS

    found: dict[str, Any] = client().get(index=ALIAS, id=transaction_id)["_source"]
    return found
