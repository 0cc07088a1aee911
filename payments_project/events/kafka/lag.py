"""How far consumer groups are in Kafka: what lies in their topics behind what they committed."""

import functools
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from django.conf import settings

from payments_project.events.consumers import Consumer
from payments_project.events.errors import Postponed
from payments_project.events.kafka.clients import make_admin
from payments_project.events.kafka.consume import group_of
from payments_project.events.kafka.topics import topics_of
from payments_project.events.lag import BEHIND, STOPPED, WAITING, WORKING
from payments_project.events.log_reader import EVERYTHING

SECONDS_MAX = 1.0
# A group's lag has no age. One that is further back than this has not kept up for a while.
BEHIND_AFTER_EVENTS = 10_000

_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A consumer as a group: messages in its topics that it has not committed, and its members."""

    group: str
    consumer: str
    events: int
    members: int

    @property
    def state(self) -> str:
        """``waiting``, ``working``, ``behind`` or ``stopped``, as of readers."""
        if not self.members:
            return STOPPED
        if self.events >= BEHIND_AFTER_EVENTS:
            return BEHIND
        return WORKING if self.events else WAITING


def read_group_lag(chosen: Sequence[Consumer]) -> list[GroupLag]:
    """The lag of each consumer's group. Takes little over ``SECONDS_MAX``; raises ``Postponed`` if
    Kafka does not answer by then."""
    deadline = time.monotonic() + SECONDS_MAX
    admin = _admin(settings.KAFKA_BOOTSTRAP_SERVERS)
    try:
        partitions = _partitions(admin)
        # All is asked before any answer is waited for.
        ends, starts = _offsets(admin, partitions, _LATEST), _offsets(admin, partitions, _EARLIEST)
        asked = [(consumer, *_ask_for_group(admin, group_of(consumer))) for consumer in chosen]
        end_of, start_of = _places(ends, deadline), _places(starts, deadline)
        return [
            GroupLag(
                group=group_of(consumer),
                consumer=consumer.name,
                events=_behind(
                    set(topics_of(consumer.objects)),
                    _committed(committed, deadline),
                    start_of,
                    end_of,
                ),
                members=_members(described, deadline),
            )
            for consumer, described, committed in asked
        ]
    except (KafkaException, FutureTimeout) as error:
        raise Postponed("Kafka does not answer") from error


def _offsets(
    admin: AdminClient, partitions: Sequence[TopicPartition], which: OffsetSpec
) -> "dict[TopicPartition, Future[Any]]":
    if not partitions:
        return {}
    return admin.list_offsets(dict.fromkeys(partitions, which), request_timeout=SECONDS_MAX)


def _ask_for_group(admin: AdminClient, group: str) -> "tuple[Future[Any], Future[Any]]":
    """Its description and its committed offsets. One request takes one group's offsets."""
    described = admin.describe_consumer_groups([group], request_timeout=SECONDS_MAX)
    committed = admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS_MAX
    )
    return described[group], committed[group]


def _places(
    asked: "dict[TopicPartition, Future[Any]]", deadline: float
) -> dict[tuple[str, int], int]:
    return {
        (place.topic, place.partition): _answer(done, deadline).offset
        for place, done in asked.items()
    }


def _committed(asked: "Future[Any]", deadline: float) -> dict[tuple[str, int], int]:
    found = _answer_of_group(asked, deadline)
    places = () if found is None else found.topic_partitions
    return {(place.topic, place.partition): place.offset for place in places}


def _members(asked: "Future[Any]", deadline: float) -> int:
    found = _answer_of_group(asked, deadline)
    return 0 if found is None else len(found.members)


def _answer_of_group(asked: "Future[Any]", deadline: float) -> Any:
    """None for a group that never was, which newer brokers say as an error."""
    try:
        return _answer(asked, deadline)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return None
        raise


def _partitions(admin: AdminClient) -> list[TopicPartition]:
    """The partitions of our topics; raises ``KafkaException``."""
    topics = admin.list_topics(timeout=SECONDS_MAX).topics
    ours = set(topics_of(EVERYTHING)) & topics.keys()
    return [
        TopicPartition(name, number) for name in sorted(ours) for number in topics[name].partitions
    ]


def _behind(
    topics: set[str],
    committed: dict[tuple[str, int], int],
    start_of: dict[tuple[str, int], int],
    end_of: dict[tuple[str, int], int],
) -> int:
    """A group that has committed nothing yet begins at the oldest message."""
    total = 0
    for key, end in end_of.items():
        if key[0] in topics:
            total += max(0, end - max(committed.get(key, -1), start_of.get(key, 0)))
    return total


def _answer(done: "Future[Any]", deadline: float) -> Any:
    return done.result(max(0.0, deadline - time.monotonic()))


@functools.cache
def _admin(servers: str) -> AdminClient:
    """One for the process; it tells nobody of attempts that fail."""
    return make_admin(log_level=0)
