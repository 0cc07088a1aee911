"""Consumers: what is done with events. Apps register theirs when they start.

A consumer's handler is the same whether the events come from the log or from Kafka. Each event is
handled at least once, one object's in order; so a handler's effect is one that may be repeated:
rows written once by their key, or a value computed from what is true now.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
from django.db import DatabaseError, InterfaceError

from payments_project.database.transaction_manager import sqlstate
from payments_project.events.dead_letters import set_aside
from payments_project.events.errors import Postponed
from payments_project.events.log_reader import EVERYTHING, Selection
from payments_project.events.logged import LoggedEvent
from payments_project.events.run_reader import cause_of

logger = logging.getLogger(__name__)

# So often is one event tried before it is set aside.
TRIES_MAX = 3
# SQLSTATE classes that tell of the server or of other transactions, not of the statement.
_ENGINE_STATES = ("08", "40", "53", "55", "57P", "58")

Handle = Callable[[Sequence[LoggedEvent]], None]
SetAside = Callable[[LoggedEvent, str], None]


@dataclass(frozen=True, slots=True)
class Consumer:
    """``handle`` takes a batch in order and returns when its effect is committed.

    It raises ``Postponed``, or the database's own error, where the engine is at fault: the batch is
    handed over again. Any other error is an event's fault, and that event is set aside.
    ``tells_reach``: it is written down up to when everything was handled (``events.reach``). Before
    that ``show`` makes what was handled seen by everybody; it may raise ``Postponed``.
    """

    name: str
    handle: Handle
    objects: Selection = EVERYTHING
    batch_events: int = 500
    tells_reach: bool = False
    show: Callable[[], None] | None = None

    @property
    def cursor(self) -> str:
        """Its cursor's name where it reads the log itself."""
        return f"consumer:{self.name}"


_CONSUMERS: dict[str, Consumer] = {}


def register_consumer(consumer: Consumer) -> None:
    """Makes a consumer known; called once, when its app starts."""
    _CONSUMERS[consumer.name] = consumer


def consumers() -> list[Consumer]:
    """All of them, by name."""
    return [_CONSUMERS[name] for name in sorted(_CONSUMERS)]


def consumer_named(name: str) -> Consumer:
    """Raises ``KeyError``."""
    return _CONSUMERS[name]


def handle_batch(
    consumer: Consumer, events: Sequence[LoggedEvent], *, also: SetAside | None = None
) -> None:
    """Has ``events`` handled, in order; what can't be is set aside as a dead letter, and ``also``
    told of it with its cause.

    Raises ``Postponed`` if an engine is away: then nothing may be taken as handled.
    """
    wanted = [event for event in events if consumer.objects.takes(event.row.aggregatetype)]
    if not wanted:
        return
    try:
        _handle(consumer, wanted)
    except Postponed:
        raise
    # One of them is at fault: which, shows when each comes alone.
    except Exception as error:
        logger.warning("%s could not handle a batch: %s", consumer.name, cause_of(error))
        for event in wanted:
            _handle_alone(consumer, event, also)


def handle_once(consumer: Consumer, event: LoggedEvent) -> None:
    """One try at one event. Raises ``Postponed``, or what the handler raises."""
    _handle(consumer, [event])


def _handle_alone(consumer: Consumer, event: LoggedEvent, also: SetAside | None) -> None:
    for left in reversed(range(TRIES_MAX)):
        try:
            _handle(consumer, [event])
        except Postponed:
            raise
        except Exception as error:
            if not left:
                cause = cause_of(error)
                logger.error("%s set aside event %s: %s", consumer.name, event.row.id, cause)
                if also is not None:
                    also(event, cause)
                set_aside(consumer=consumer.name, event=event, cause=cause)
        else:
            return


def _handle(consumer: Consumer, events: Sequence[LoggedEvent]) -> None:
    """Raises ``Postponed`` for errors of engines, and others as they are."""
    try:
        consumer.handle(events)
    except (DatabaseError, InterfaceError, psycopg.Error) as error:
        state = sqlstate(error)
        if state is None or state.startswith(_ENGINE_STATES):
            raise Postponed(cause_of(error)) from error
        raise
    except OSError as error:
        raise Postponed(cause_of(error)) from error
