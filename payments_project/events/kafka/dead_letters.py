"""The dead letters' topic: for whoever watches Kafka; the console reads the table."""

import threading

from confluent_kafka import KafkaError, Message, Producer

from payments_project.events.errors import Postponed
from payments_project.events.kafka.clients import make_producer
from payments_project.events.kafka.messages import place_of
from payments_project.events.kafka.topics import dead_letter_topic

WAIT_SECONDS = 0.1


class DeadLetterTopic:
    """Puts messages there as they came, with who could not handle them and why."""

    def __init__(self, *, stop: threading.Event) -> None:
        self._stop = stop
        self._producer: Producer | None = None

    def put(self, message: Message, consumer: str, cause: str) -> None:
        """Returns when Kafka has it. Raises ``Postponed``."""
        if self._producer is None:
            self._producer = make_producer()
        outcome: list[KafkaError | None] = []
        self._producer.produce(
            dead_letter_topic(),
            key=message.key(),
            value=message.value(),
            headers=[
                *(message.headers() or []),
                ("dead_letter_consumer", consumer.encode()),
                ("dead_letter_source", str(place_of(message)).encode()),
                ("dead_letter_cause", cause.encode()),
            ],
            on_delivery=lambda error, _message: outcome.append(error),
        )
        while not outcome:
            self._producer.poll(WAIT_SECONDS)
            if self._stop.is_set():
                raise Postponed("told to stop")
        if outcome[0] is not None:
            raise Postponed(f"Kafka refused a dead letter: {outcome[0].name()}")
