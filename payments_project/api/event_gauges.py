"""How far the readers of the log and the consumers are, for ``/metrics``."""

from collections.abc import Iterator

from django.conf import settings

from payments_project.api.gauges import Gauge
from payments_project.events.consumers import consumers
from payments_project.events.dead_letters import count_dead_letters
from payments_project.events.lag import oldest_transaction_seconds, read_lag


def reader_gauges() -> Iterator[Gauge]:
    """Of readers that this installation runs: what they were once for is no concern."""
    lags = [lag for lag in read_lag() if lag.is_expected or lag.is_active]
    yield Gauge(
        "event_reader_lag_events",
        "Rows that a reader has still to take, counted up to 10,000.",
        label="reader",
        values={lag.name: lag.unread for lag in lags},
    )
    yield Gauge(
        "event_reader_lag_seconds",
        "Age of the oldest row that a reader has still to take.",
        label="reader",
        values={lag.name: lag.seconds for lag in lags},
    )
    yield Gauge(
        "event_reader_active",
        "1 while a process works as the reader.",
        label="reader",
        values={lag.name: float(lag.is_active) for lag in lags},
    )
    yield Gauge(
        "oldest_transaction_seconds",
        "Age of the oldest transaction that writes; no reader passes it.",
        value=oldest_transaction_seconds(),
    )


def dead_letter_gauges() -> Iterator[Gauge]:
    """What waits for people, by consumer; consumers without any are there with 0."""
    yield Gauge(
        "dead_letters",
        "Events that a consumer could not handle and nobody has handed back yet.",
        label="consumer",
        values={each.name: 0.0 for each in consumers()} | count_dead_letters(),
    )


def group_gauges() -> Iterator[Gauge]:
    """Of consumer groups, where Kafka is configured."""
    if not settings.KAFKA_BOOTSTRAP_SERVERS:
        return
    # Kafka's library is loaded where there is one.
    from payments_project.events.kafka.lag import read_group_lag

    lags = read_group_lag(consumers())
    yield Gauge(
        "consumer_group_lag_events",
        "Messages in Kafka that a consumer group has not committed.",
        label="group",
        values={lag.group: lag.events for lag in lags},
    )
    yield Gauge(
        "consumer_group_active",
        "1 while a consumer group has members.",
        label="group",
        values={lag.group: float(lag.is_active) for lag in lags},
    )
