"""The real broker: what is produced is consumed, in the order of its key."""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.stack_selection import required_address

pytestmark = pytest.mark.stack

KEYS, EACH, PARTITIONS = 10, 20, 3
SECONDS_MAX = 30


@pytest.fixture
def servers() -> str:
    return required_address("KAFKA_BOOTSTRAP_SERVERS")


@pytest.fixture
def topic(servers: str) -> Iterator[str]:
    name = f"tests.{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(SECONDS_MAX)
    yield name
    admin.delete_topics([name])[name].result(SECONDS_MAX)


def test_events_arrive_once_and_in_the_order_of_their_key(servers: str, topic: str) -> None:
    sent = {f"aggregate-{key}": [f"{key}:{n}" for n in range(EACH)] for key in range(KEYS)}
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "acks": "all"})
    refused: list[str] = []
    for place in range(EACH):
        for key, values in sent.items():
            producer.produce(
                topic,
                key=key,
                value=values[place],
                on_delivery=lambda error, _: error and refused.append(str(error)),
            )
    assert producer.flush(SECONDS_MAX) == 0
    assert refused == []

    assert _consumed(servers, topic, count=KEYS * EACH) == sent


def _consumed(servers: str, topic: str, *, count: int) -> dict[str, list[str]]:
    """What a new consumer group reads, by key."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    found: defaultdict[str, list[str]] = defaultdict(list)
    deadline = time.monotonic() + SECONDS_MAX
    try:
        while sum(map(len, found.values())) < count and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None:
                assert message.error() is None, message.error()
                found[message.key().decode()].append(message.value().decode())
    finally:
        consumer.close()
    return dict(found)
