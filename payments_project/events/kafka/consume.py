"""A consumer as a group in Kafka: offsets are committed after the effect, never before."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import (
    Consumer as KafkaConsumer,
)
from confluent_kafka import (
    KafkaException,
    Message,
    TopicPartition,
)
from django.db import DatabaseError, InterfaceError

from payments_project.events.consumers import Consumer, handle_batch
from payments_project.events.dead_letters import set_aside_content
from payments_project.events.errors import Postponed, Unreadable
from payments_project.events.kafka.clients import make_consumer
from payments_project.events.kafka.dead_letters import DeadLetterTopic
from payments_project.events.kafka.messages import decode, place_of
from payments_project.events.kafka.reach import KafkaReach
from payments_project.events.kafka.relay import relays_reach
from payments_project.events.kafka.topics import dead_letter_topic, ensure_topics, topics_of
from payments_project.events.logged import LoggedEvent
from payments_project.events.pausing import GrowingPause
from payments_project.events.pooled import connections_given_back
from payments_project.events.run_reader import cause_of

logger = logging.getLogger(__name__)

WAIT_SECONDS = 0.25


def group_of(consumer: Consumer) -> str:
    """The consumer group's name."""
    return f"payments.{consumer.name}"


class KafkaRun:
    """Consumes as one member of the consumer's group until ``stop`` is set.

    A batch is handled whole before Kafka is asked again, and its offsets are committed then; so
    when partitions move to another member, nothing is half done. A member that dies leaves at most
    one batch to be handled again.
    """

    def __init__(self, consumer: Consumer, *, stop: threading.Event) -> None:
        self._consumer = consumer
        self._stop = stop
        self._pause = GrowingPause(consumer.name, stop)
        self._dead_letters = DeadLetterTopic(stop=stop)

    def run(self) -> None:
        """Returns once ``stop`` is set; an engine that is away is waited for."""
        while not self._stop.is_set():
            kafka = None
            try:
                topics = topics_of(self._consumer.objects)
                ensure_topics([*topics, dead_letter_topic()])
                kafka = make_consumer(group_of(self._consumer))
                kafka.subscribe(topics)
                self._consume(kafka)
            except (KafkaException, Postponed) as error:
                self._pause.wait(error)
            finally:
                if kafka is not None:
                    # Leaves the group, so that the others need not wait for its time-out.
                    kafka.close()

    def _consume(self, kafka: KafkaConsumer) -> None:
        reach = KafkaReach(self._consumer, kafka, relays_reach=relays_reach)
        while not self._stop.is_set():
            if self._consumer.tells_reach:
                self._tell(reach)
            found = kafka.consume(self._consumer.batch_events, WAIT_SECONDS)
            messages = [message for message in found if _is_message(message)]
            if not messages:
                continue
            try:
                self._handle(messages)
            except Postponed as error:
                _rewind(kafka, messages)
                self._pause.wait(error)
            else:
                kafka.commit(offsets=_after(messages), asynchronous=False)
                self._pause.reset()

    def _tell(self, reach: KafkaReach) -> None:
        try:
            with connections_given_back():
                reach.look()
        # How fresh something is may be told a little later.
        except (KafkaException, FutureTimeout, DatabaseError, InterfaceError, Postponed) as error:
            logger.info("%s can't tell how far it is: %s", self._consumer.name, cause_of(error))

    def _handle(self, messages: Sequence[Message]) -> None:
        """Raises ``Postponed``."""
        events = []
        by_source = {}
        for message in messages:
            try:
                event = decode(message)
            except Unreadable as error:
                self._set_aside_unreadable(message, str(error))
                continue
            events.append(event)
            by_source[event.source] = message

        def set_aside_too(event: LoggedEvent, cause: str) -> None:
            self._dead_letters.put(by_source[event.source], self._consumer.name, cause)

        with connections_given_back():
            handle_batch(self._consumer, events, also=set_aside_too)

    def _set_aside_unreadable(self, message: Message, kind: str) -> None:
        cause = f"no event of ours: {kind}"
        source = str(place_of(message))
        logger.error("%s set aside %s: %s", self._consumer.name, source, cause)
        self._dead_letters.put(message, self._consumer.name, cause)
        set_aside_content(
            consumer=self._consumer.name,
            source=source,
            content=message.value() or b"",
            cause=cause,
        )


def _is_message(message: Message) -> bool:
    """Whether it is one; Kafka's client hands errors over in their place. Raises them."""
    error = message.error()
    if error is None:
        return True
    if error.fatal() or not error.retriable():
        raise KafkaException(error)
    return False


def _after(messages: Sequence[Message]) -> list[TopicPartition]:
    """Where each partition goes on after ``messages``."""
    ends: dict[tuple[str, int], int] = {}
    for topic, partition, offset in map(place_of, messages):
        ends[topic, partition] = max(ends.get((topic, partition), 0), offset + 1)
    return [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]


def _rewind(kafka: KafkaConsumer, messages: Sequence[Message]) -> None:
    """Has the messages come again. What was taken away meanwhile comes to whoever has it now."""
    starts: dict[tuple[str, int], int] = {}
    for topic, partition, offset in map(place_of, messages):
        starts[topic, partition] = min(starts.get((topic, partition), offset), offset)
    assigned = {(part.topic, part.partition) for part in kafka.assignment()}
    for (topic, partition), start in starts.items():
        if (topic, partition) in assigned:
            kafka.seek(TopicPartition(topic, partition, start))
