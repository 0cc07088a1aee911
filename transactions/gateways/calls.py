"""Calling a gateway: never inside a database transaction."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, Protocol, TypeVar

from django.conf import settings
from django.db import connection

from transactions.gateways.interface import Outcome

logger = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")


class Answer(Protocol):
    """What a gateway or a bank answers."""

    @property
    def outcome(self) -> Outcome:
        """How the call ended."""


Result = TypeVar("Result", bound=Answer)

_listener: ContextVar[list[Outcome] | None] = ContextVar("_listener", default=None)


def call_gateway(
    operation: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    """Calls one operation of a gateway's or bank's adapter and returns its result.

    Raises ``RuntimeError`` inside a database transaction: a slow gateway would hold its locks, and
    a rollback would forget a charge. A call that takes longer than ``GATEWAY_TIMEOUT_SECONDS`` is
    logged as an error: its lease may have ended meanwhile.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a gateway is never called inside a database transaction")
    started, outcome = time.monotonic(), Outcome.UNKNOWN
    try:
        result = operation(*args, **kwargs)
        outcome = result.outcome
        return result
    finally:
        seconds = time.monotonic() - started
        if seconds > settings.GATEWAY_TIMEOUT_SECONDS:
            name = getattr(operation, "__qualname__", repr(operation))
            logger.error(
                "the gateway call %s took %.1f seconds: its lease rests on less", name, seconds
            )
        heard = _listener.get()
        if heard is not None:
            heard.append(outcome)


@contextmanager
def listening() -> Iterator[list[Outcome]]:
    """How the gateway calls in the block end, in their order; UNKNOWN for one that raises.

    For whoever has a service ask, and must know whether the gateway answers at all.
    """
    heard: list[Outcome] = []
    token = _listener.set(heard)
    try:
        yield heard
    finally:
        _listener.reset(token)
