"""The relay: from the log to Kafka, each group of topics by one relay at a time."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime

from confluent_kafka import KafkaException

from payments_project.events.errors import Postponed
from payments_project.events.kafka.publisher import Publisher
from payments_project.events.kafka.topics import (
    GROUPS,
    dead_letter_topic,
    ensure_topics,
    topic_of,
    topics_of,
)
from payments_project.events.logged import EventRow
from payments_project.events.reach import LogReach, read_relays_reach
from payments_project.events.run_reader import ReaderRun

logger = logging.getLogger(__name__)

PAGE_EVENTS = 5_000


def relay_cursor(group: str) -> str:
    """The name of a group's cursor."""
    return f"relay:{group}"


def relays_reach() -> datetime | None:
    """Up to when every event is in Kafka; None while it is not known of every relay."""
    return read_relays_reach([relay_cursor(group) for group in GROUPS])


def run_relay(groups: Sequence[str], *, stop: threading.Event) -> None:
    """Relays the groups of topics, a thread for each, until ``stop`` is set.

    Any number of relays may run: of each group one works, and another takes over within seconds.
    Events are in Kafka at least once, one object's in order; the cursor moves when Kafka has said
    that it has them. While Kafka is away they wait in the log. Raises what a thread of it raised:
    ``ImproperlyConfigured`` behind PgBouncer.
    """
    failures: list[BaseException] = []

    def work(group: str) -> None:
        try:
            _relay_group(group, stop)
        except BaseException as error:
            failures.append(error)
            stop.set()

    threads = [threading.Thread(target=work, args=(group,), name=group) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _relay_group(group: str, stop: threading.Event) -> None:
    publisher = Publisher(stop=stop)
    ready: set[str] = set()

    def take(rows: Sequence[EventRow]) -> None:
        # Those of the catalogue at once, so that consumers find them; a new kind's when it comes.
        wanted = {topic_of(row.aggregatetype) for row in rows} - ready
        if wanted:
            wanted |= {*topics_of(GROUPS[group]), dead_letter_topic()}
            try:
                ensure_topics(wanted)
            except KafkaException as error:
                raise Postponed("topics could not be made") from error
            ready.update(wanted)
        publisher.publish(rows)

    ReaderRun(
        name=relay_cursor(group),
        take=take,
        stop=stop,
        selection=GROUPS[group],
        page_events=PAGE_EVENTS,
        reach=LogReach(relay_cursor(group)),
    ).run()
