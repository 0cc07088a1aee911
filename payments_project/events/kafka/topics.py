"""The topics: one for each kind of object, and one for dead letters."""

import logging
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings

from payments_project.events.catalogue import event_types
from payments_project.events.kafka.clients import make_admin
from payments_project.events.log_reader import Selection

logger = logging.getLogger(__name__)

SECONDS_MAX = 15

# Which topics one relay fills: several groups may be at work at once, each in order. What no group
# names is the last one's, so that a new kind of object is never left out.
GROUPS: dict[str, Selection] = {
    "transactions": Selection(("transaction",), is_excluded=False),
    "others": Selection(("transaction",), is_excluded=True),
}


def topic_of(aggregatetype: str) -> str:
    """``payments.<object>``, with the site's prefix in place of ``payments``."""
    return f"{settings.KAFKA_TOPIC_PREFIX}.{aggregatetype}"


def dead_letter_topic() -> str:
    """Where consumers put what they can't handle, for whoever watches Kafka."""
    return f"{settings.KAFKA_TOPIC_PREFIX}.dead_letters"


def topics_of(selection: Selection) -> list[str]:
    """The topics of the catalogue's objects that ``selection`` takes."""
    objects = {each.object_type for each in event_types()}
    return [topic_of(name) for name in sorted(objects) if selection.takes(name)]


def ensure_topics(names: Iterable[str]) -> None:
    """Makes the topics that are not there, with the number of partitions that the settings say.

    One that is there stays as it is: more partitions would send an object's later events to another
    one, past its earlier ones. Raises ``KafkaException``.
    """
    admin = make_admin()
    known = admin.list_topics(timeout=SECONDS_MAX).topics
    missing = [name for name in dict.fromkeys(names) if name not in known]
    if missing:
        _create(admin, missing)
    for name in sorted(known.keys() & set(names)):
        found = len(known[name].partitions)
        if found != settings.KAFKA_PARTITIONS:
            logger.warning(
                "topic %s has %d partitions, not %d, and keeps them",
                name,
                found,
                settings.KAFKA_PARTITIONS,
            )


def _create(admin: AdminClient, names: list[str]) -> None:
    made = admin.create_topics(
        [
            NewTopic(
                name,
                num_partitions=settings.KAFKA_PARTITIONS,
                replication_factor=settings.KAFKA_REPLICATION_FACTOR,
                config={"retention.ms": str(settings.KAFKA_RETENTION_HOURS * 3_600_000)},
            )
            for name in names
        ],
        request_timeout=SECONDS_MAX,
    )
    for name, done in made.items():
        try:
            done.result(SECONDS_MAX)
        except KafkaException as error:
            # Another relay was faster.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            logger.info("made topic %s with %d partitions", name, settings.KAFKA_PARTITIONS)
