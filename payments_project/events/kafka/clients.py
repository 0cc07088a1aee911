"""How clients of Kafka are configured: what is ours here, what is the site's in KAFKA_OPTIONS."""

import logging
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from django.conf import settings

_logger = logging.getLogger("payments_project.events.kafka")


def make_producer(**more: Any) -> Producer:
    """A producer that loses nothing and keeps each key's order: idempotent, waiting for all
    replicas, and trying for as long as it lives.

    A message is never given up (``message.timeout.ms``): one that were, with later ones behind it,
    would be overtaken by them.
    """
    return Producer(
        {
            **_common(),
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": 0,
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 100_000,
            **settings.KAFKA_OPTIONS,
            **more,
        },
        logger=_logger,
    )


def make_consumer(group: str, **more: Any) -> Consumer:
    """A consumer that commits only what it is told to, and begins at the oldest message."""
    return Consumer(
        {
            **_common(),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 3_000,
            "max.poll.interval.ms": 300_000,
            **settings.KAFKA_OPTIONS,
            **more,
        },
        logger=_logger,
    )


def make_admin(**more: Any) -> AdminClient:
    """For topics and offsets."""
    return AdminClient({**_common(), **settings.KAFKA_OPTIONS, **more}, logger=_logger)


def _common() -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": settings.PROCESS_NAME,
        # The default doubles up to ten seconds: so late would a broker's return be noticed.
        "reconnect.backoff.max.ms": 1_000,
        # Several brokers' addresses are one name: each is tried.
        "client.dns.lookup": "use_all_dns_ips",
        "allow.auto.create.topics": False,
    }
