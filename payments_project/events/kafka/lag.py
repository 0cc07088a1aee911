"""How far consumer groups are in Kafka: what lies in their topics behind what they committed.

A group's coordinator is never asked by librdkafka's admin client: what that asks coordinators ends
the process when a broker is slow (librdkafka's issue 4605) or still makes its topic of offsets, and
web servers ask here. So a consumer of the group that never joins it asks what it has committed.
"""

import functools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from django.conf import settings

from payments_project.events.consumers import Consumer
from payments_project.events.errors import Postponed
from payments_project.events.kafka.clients import make_admin, make_consumer
from payments_project.events.kafka.consume import group_of
from payments_project.events.kafka.topics import topics_of
from payments_project.events.lag import BEHIND, STOPPED, WAITING, WORKING
from payments_project.events.log_reader import EVERYTHING

SECONDS_MAX = 1.0
# A group's lag has no age. One that is further back than this has not kept up for a while.
BEHIND_AFTER_EVENTS = 10_000

# A consumer is one thread's at a time, and has whoever else asks it wait without a limit.
_asking = threading.Lock()

_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A consumer as a group: messages in its topics that it has not committed, and whether it has
    any member."""

    group: str
    events: int
    is_active: bool

    @property
    def state(self) -> str:
        """``waiting``, ``working``, ``behind`` or ``stopped``, as of readers."""
        if not self.is_active:
            return STOPPED
        if self.events >= BEHIND_AFTER_EVENTS:
            return BEHIND
        return WORKING if self.events else WAITING


def read_group_lag(chosen: Sequence[Consumer]) -> list[GroupLag]:
    """The lag of each consumer's group. Takes little over ``SECONDS_MAX``; raises ``Postponed`` if
    Kafka does not answer by then, or others wait for its answer."""
    deadline = time.monotonic() + SECONDS_MAX
    if not _asking.acquire(timeout=SECONDS_MAX):
        raise Postponed("others wait for Kafka's answer")
    try:
        return _read(chosen, deadline)
    except (KafkaException, FutureTimeout) as error:
        raise Postponed("Kafka does not answer") from error
    finally:
        _asking.release()


def _read(chosen: Sequence[Consumer], deadline: float) -> list[GroupLag]:
    admin = _admin(settings.KAFKA_BOOTSTRAP_SERVERS)
    partitions = _partitions(admin, deadline)
    # All that can be is asked before any answer is waited for.
    ends, starts = _offsets(admin, partitions, _LATEST), _offsets(admin, partitions, _EARLIEST)
    states = admin.list_consumer_groups(request_timeout=SECONDS_MAX)
    end_of, start_of = _places(ends, deadline), _places(starts, deadline)
    active = _active_groups(states, deadline)
    return [
        GroupLag(
            group=group_of(consumer),
            events=_behind(
                _committed(group_of(consumer), topics_of(consumer.objects), partitions, deadline),
                start_of,
                end_of,
            ),
            is_active=group_of(consumer) in active,
        )
        for consumer in chosen
    ]


def _offsets(
    admin: AdminClient, partitions: Sequence[TopicPartition], which: OffsetSpec
) -> "dict[TopicPartition, Future[Any]]":
    if not partitions:
        return {}
    return admin.list_offsets(dict.fromkeys(partitions, which), request_timeout=SECONDS_MAX)


def _places(
    asked: "dict[TopicPartition, Future[Any]]", deadline: float
) -> dict[tuple[str, int], int]:
    return {
        (place.topic, place.partition): done.result(_left(deadline)).offset
        for place, done in asked.items()
    }


def _active_groups(asked: "Future[Any]", deadline: float) -> set[str]:
    """Those that have members; raises ``KafkaException`` unless all brokers answered."""
    found = asked.result(_left(deadline))
    if found.errors:
        raise KafkaException(found.errors[0])
    without = (ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD)
    return {group.group_id for group in found.valid if group.state not in without}


def _committed(
    group: str, topics: Sequence[str], partitions: Sequence[TopicPartition], deadline: float
) -> dict[tuple[str, int], int]:
    """Of each of the topics' partitions; a negative offset where nothing was committed.
    Raises ``KafkaException``."""
    wanted = [
        TopicPartition(place.topic, place.partition)
        for place in partitions
        if place.topic in topics
    ]
    if not wanted:
        return {}
    found = _asker(settings.KAFKA_BOOTSTRAP_SERVERS, group).committed(wanted, _left(deadline))
    for place in found:
        if place.error:
            raise KafkaException(place.error)
    return {(place.topic, place.partition): place.offset for place in found}


def _partitions(admin: AdminClient, deadline: float) -> list[TopicPartition]:
    """The partitions of our topics; raises ``KafkaException``."""
    topics = admin.list_topics(timeout=_left(deadline)).topics
    ours = set(topics_of(EVERYTHING)) & topics.keys()
    return [
        TopicPartition(name, number) for name in sorted(ours) for number in topics[name].partitions
    ]


def _behind(
    committed: dict[tuple[str, int], int],
    start_of: dict[tuple[str, int], int],
    end_of: dict[tuple[str, int], int],
) -> int:
    """A group that has committed nothing yet begins at the oldest message."""
    return sum(
        max(0, end_of[place] - max(offset, start_of[place])) for place, offset in committed.items()
    )


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


# One for the process, and one for each group; they tell nobody of attempts that fail.


@functools.cache
def _admin(servers: str) -> AdminClient:
    return make_admin(log_level=0)


@functools.cache
def _asker(servers: str, group: str) -> KafkaConsumer:
    return make_consumer(group, log_level=0)
