"""Search as a consumer group of Kafka: the same, and how far it is, is known by partition."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from analytics.search.consumers import SEARCH_DOCUMENTS, SEARCH_WORDS
from payments_project.events.consumers import Consumer
from payments_project.models import ConsumerReach
from tests.analytics.search.searching import ELASTICSEARCH, ids, search
from tests.api_client import Api
from tests.merchants.making import MadeMerchant, client_of
from tests.payments_project.events.kafka_reading import own_topics, relaying
from tests.payments_project.events.reading import running, wait_until
from tests.server import start_server
from tests.stack_selection import required_address

pytestmark = pytest.mark.stack

KINDS = 4
PARTITIONS = 2


def in_group(consumer: Consumer) -> AbstractContextManager[None]:
    """A member of the consumer's group, meanwhile."""
    from payments_project.events.kafka.consume import KafkaRun

    return running(lambda stop: KafkaRun(consumer, stop=stop).run())


@pytest.fixture
def shop(live_index: str, merchant: MadeMerchant, settings: Any) -> Iterator[Api]:
    """Where events come by Kafka, to topics of the test's own."""
    ConsumerReach.objects.filter(consumer__in=["search_words", "search_documents"]).delete()
    with (
        own_topics(settings, partitions=PARTITIONS) as prefix,
        relaying(),
        start_server(
            KAFKA_BOOTSTRAP_SERVERS=required_address("KAFKA_BOOTSTRAP_SERVERS"),
            KAFKA_TOPIC_PREFIX=prefix,
            ELASTICSEARCH_URL=required_address("ELASTICSEARCH_URL"),
        ) as server,
        client_of(server, merchant, "test") as client,
    ):
        yield client


def test_search_is_fed_by_kafka_and_knows_how_far_it_is(shop: Api) -> None:
    assert search(shop, q="mug")["indexed_up_to"] is None, "nobody has told yet"
    first = shop.paid(description="mug")
    customer = shop.post("/v1/customers", {"email": "ann@before.test"}).json()["id"]

    with in_group(SEARCH_WORDS), in_group(SEARCH_DOCUMENTS):
        payment = shop.post(
            "/v1/transactions",
            {
                "amount": 500,
                "currency": "USD",
                "payment_method": shop.card(customer=customer),
                "customer": customer,
                "description": "mug",
            },
        ).json()
        shop.post("/v1/refunds", {"transaction": payment["id"], "amount": 100})
        shop.patch(f"/v1/customers/{customer}", {"email": "ann@after.test"})

        def is_there() -> bool:
            answer = search(shop, q="ann@after.test")
            return (
                answer["engine"] == ELASTICSEARCH
                and ids(answer) == [payment["id"]]
                and answer["indexed_up_to"] > payment["created_at"]
            )

        wait_until(is_there, seconds=60)
        assert ids(search(shop, q="mug")) == [payment["id"], first["id"]]
        reached = search(shop, q="mug")["indexed_up_to"]
        wait_until(lambda: search(shop, q="mug")["indexed_up_to"] > reached, seconds=20)

    sources = ConsumerReach.objects.filter(consumer="search_documents").exclude(source="log")
    assert sources.count() == KINDS * PARTITIONS
    # Nobody is at it any more: the time stands still.
    stopped = search(shop, q="mug")["indexed_up_to"]
    shop.paid(description="mug")
    assert search(shop, q="mug")["indexed_up_to"] == stopped
