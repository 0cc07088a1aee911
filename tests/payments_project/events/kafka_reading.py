"""Topics of a test's own in the real Kafka, and what lies in them."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka.admin import AdminClient

from payments_project.events.kafka.relay import relay_cursor, run_relay
from payments_project.events.kafka.topics import GROUPS
from tests.payments_project.events.reading import born_now, running
from tests.stack_selection import required_address

SECONDS_MAX = 40


@contextmanager
def own_topics(settings: Any, *, partitions: int = 3) -> Iterator[str]:
    """Has the product use topics under a prefix of the test's own, which it is given."""
    settings.KAFKA_BOOTSTRAP_SERVERS = required_address("KAFKA_BOOTSTRAP_SERVERS")
    settings.KAFKA_TOPIC_PREFIX = prefix = f"tests-{uuid.uuid4().hex[:12]}"
    settings.KAFKA_PARTITIONS = partitions
    settings.KAFKA_REPLICATION_FACTOR = 1
    yield prefix
    admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
    names = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
    for done in admin.delete_topics(names).values() if names else ():
        done.result(20)


@contextmanager
def relaying(*, from_now: bool = True) -> Iterator[None]:
    """A relay of all groups, in threads."""
    if from_now:
        for group in GROUPS:
            born_now(relay_cursor(group))
    with running(lambda stop: run_relay(list(GROUPS), stop=stop)):
        yield


def consumed(
    prefix: str, enough: Callable[[list[Message]], bool], *, seconds: float = SECONDS_MAX
) -> list[Message]:
    """What an independent consumer group reads of all topics, until ``enough``; then a moment more,
    so that what should not be there shows."""
    consumer = Consumer(
        {
            "bootstrap.servers": required_address("KAFKA_BOOTSTRAP_SERVERS"),
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 500,
        }
    )
    consumer.subscribe([f"^{prefix}\\..*"])
    found: list[Message] = []
    deadline = time.monotonic() + seconds
    try:
        while not enough(found):
            if time.monotonic() > deadline:
                pytest.fail(f"Kafka had only {len(found)} messages after {seconds} s")
            found += [message for message in consumer.consume(500, 0.3) if not message.error()]
        found += [message for message in consumer.consume(500, 0.5) if not message.error()]
    finally:
        consumer.close()
    return found


def header(message: Message, name: str) -> str:
    """A header's text."""
    return dict(message.headers() or [])[name].decode()


def of_objects(messages: list[Message], *objects: object) -> list[Message]:
    """The messages that tell of ``objects``."""
    wanted = {str(identity) for identity in objects}
    return [message for message in messages if message.key().decode() in wanted]
