"""Running consumers: as groups in Kafka where it is configured, else straight from the log."""

import threading
from collections.abc import Callable, Sequence

from django.conf import settings

from payments_project.events.consumers import Consumer, handle_batch
from payments_project.events.logged import EventRow, from_log
from payments_project.events.pooled import connections_given_back
from payments_project.events.reach import LogReach
from payments_project.events.run_reader import ReaderRun


def run_consumers(chosen: Sequence[Consumer], *, stop: threading.Event) -> None:
    """Runs ``chosen``, a thread for each, until ``stop`` is set. Raises what a thread raised, which
    is no event's doing: ``ImproperlyConfigured`` behind PgBouncer, or a fault of ours."""
    failures: list[BaseException] = []

    def work(run: Callable[[], None]) -> None:
        with connections_given_back():
            try:
                run()
            except BaseException as error:
                failures.append(error)
                stop.set()

    threads = [
        threading.Thread(target=work, args=(_run_of(consumer, stop),), name=consumer.name)
        for consumer in chosen
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _run_of(consumer: Consumer, stop: threading.Event) -> Callable[[], None]:
    if settings.KAFKA_BOOTSTRAP_SERVERS:
        from payments_project.events.kafka.consume import KafkaRun

        return KafkaRun(consumer, stop=stop).run
    return log_run(consumer, stop=stop).run


def log_run(consumer: Consumer, *, stop: threading.Event) -> ReaderRun:
    """The consumer as a reader of the log."""

    def take(rows: Sequence[EventRow]) -> None:
        with connections_given_back():
            handle_batch(consumer, [from_log(row) for row in rows])

    def show() -> None:
        if consumer.show is not None:
            with connections_given_back():
                consumer.show()

    return ReaderRun(
        name=consumer.cursor,
        take=take,
        stop=stop,
        selection=consumer.objects,
        page_events=consumer.batch_events,
        reach=LogReach(consumer.name, show=show) if consumer.tells_reach else None,
    )
