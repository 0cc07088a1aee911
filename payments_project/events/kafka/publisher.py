"""Handing a page of the log to Kafka and knowing that all of it is there."""

import threading
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from payments_project.events.errors import Postponed
from payments_project.events.kafka.clients import make_producer
from payments_project.events.kafka.messages import encode
from payments_project.events.logged import EventRow

# How long at once is waited for deliveries; in between, whether it shall stop is looked at.
WAIT_SECONDS = 0.1
# Reports of deliveries are taken after so many messages.
POLL_EVERY = 200


class Publisher:
    """Publishes events in order with a producer of its own. Not for several threads.

    Before the first page and after a failure the producer is a new one, and nothing of an old
    one's queue can come after what the new one sends.
    """

    def __init__(self, *, stop: threading.Event) -> None:
        self._stop = stop
        self._producer: Producer | None = None
        self._left = 0
        self._refusal: KafkaError | None = None

    def publish(self, rows: Sequence[EventRow]) -> None:
        """Returns when Kafka has every one of ``rows``, in this order for each object.

        However long that takes: while brokers are away it waits. Raises ``Postponed`` when it is to
        stop, or when Kafka refuses a message; then any part of them may be there, and all must come
        again.
        """
        producer = self._producer or make_producer()
        self._producer = producer
        self._left, self._refusal = len(rows), None
        try:
            for place, row in enumerate(rows):
                self._produce(producer, row)
                if place % POLL_EVERY == 0:
                    producer.poll(0)
            while self._left and self._refusal is None:
                producer.poll(WAIT_SECONDS)
                self._require_going_on()
        except (KafkaException, Postponed) as error:
            self._give_up(producer)
            raise Postponed(str(error)) from error
        if self._refusal is not None:
            self._give_up(producer)
            raise Postponed(f"Kafka refused: {self._refusal.name()}")

    def _produce(self, producer: Producer, row: EventRow) -> None:
        topic, key, value, headers = encode(row)
        while True:
            try:
                producer.produce(
                    topic, key=key, value=value, headers=headers, on_delivery=self._delivered
                )
            except BufferError:
                # Kafka takes them more slowly than they are read.
                producer.poll(WAIT_SECONDS)
                self._require_going_on()
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._left -= 1
        if error is not None:
            self._refusal = error

    def _require_going_on(self) -> None:
        if self._stop.is_set():
            raise Postponed("told to stop")

    def _give_up(self, producer: Producer) -> None:
        self._producer = None
        producer.purge()
        producer.poll(0)
