"""Elasticsearch away: payments notice nothing, PostgreSQL answers searches, and all is caught up."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from analytics.models import SearchIndex
from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
from payments_project.models import DeadLetter
from tests.analytics.search.searching import ELASTICSEARCH, POSTGRESQL, ids, search
from tests.api_client import Api
from tests.faults.way import Way, way_to
from tests.merchants.making import MadeMerchant, client_of
from tests.payments_project.events.reading import born_now, consuming, wait_until
from tests.server import start_server
from tests.stack_selection import required_address

pytestmark = pytest.mark.stack


@pytest.fixture
def way(settings: Any) -> Iterator[Way]:
    """The product's way to Elasticsearch, to which it has a new index."""
    address = urlsplit(required_address("ELASTICSEARCH_URL"))
    with way_to(address.hostname or "", address.port or 0) as way:
        settings.KAFKA_BOOTSTRAP_SERVERS = ""
        settings.ELASTICSEARCH_URL = f"http://127.0.0.1:{way.port}"
        from analytics.search.elastic import indices

        for index in SearchIndex.objects.all():
            indices.forget_index(index.name)
        made = indices.begin_index(expected=0)
        assert made is not None
        indices.make_live(made)
        for consumer in (SEARCH_WORDS, SEARCH_DOCUMENTS):
            born_now(consumer.cursor)
        yield way
        way.open()
        for index in SearchIndex.objects.all():
            indices.forget_index(index.name)


@pytest.fixture
def shop(way: Way, merchant: MadeMerchant, django_db_setup: None) -> Iterator[Api]:
    with (
        start_server(
            KAFKA_BOOTSTRAP_SERVERS="", ELASTICSEARCH_URL=f"http://127.0.0.1:{way.port}"
        ) as server,
        client_of(server, merchant, "test") as client,
        consuming(SEARCH_WORDS),
        consuming(SEARCH_DOCUMENTS),
    ):
        yield client


def is_found(shop: Api, engine: str, made: list[str]) -> bool:
    answer = search(shop, q="mug", limit=100)
    return answer["engine"] == engine and ids(answer) == made[::-1]


def test_payments_go_on_and_everything_is_caught_up(shop: Api, way: Way) -> None:
    letters = DeadLetter.objects.count()
    made = [shop.paid(description="mug")["id"]]
    wait_until(lambda: is_found(shop, ELASTICSEARCH, made), seconds=30)

    way.close()
    made += [shop.paid(description="mug")["id"] for _ in range(5)]
    wait_until(lambda: is_found(shop, POSTGRESQL, made), seconds=15)
    shop.patch(f"/v1/transactions/{made[0]}", {"description": "big mug"})

    way.open()
    wait_until(lambda: is_found(shop, ELASTICSEARCH, made), seconds=40)
    wait_until(lambda: ids(search(shop, q="big mug")) == [made[0]], seconds=10)
    assert DeadLetter.objects.count() == letters, "nobody's fault, and nothing is set aside"


def test_a_silent_elasticsearch_holds_up_one_search_and_no_payment(shop: Api, way: Way) -> None:
    made = [shop.paid(description="mug")["id"]]
    wait_until(lambda: is_found(shop, ELASTICSEARCH, made), seconds=30)

    way.block()
    took = []
    for _ in range(4):
        began = time.monotonic()
        assert search(shop, q="mug")["engine"] == POSTGRESQL
        took.append(time.monotonic() - began)
    made.append(shop.paid(description="mug")["id"])

    # The first one waits, the others of the next seconds do not: by a wide margin for slow machines.
    assert took[0] > 1.5
    assert max(took[1:]) < 1.0
    way.open()
    wait_until(lambda: is_found(shop, ELASTICSEARCH, made), seconds=60)
