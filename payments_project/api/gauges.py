"""Numbers that are asked for when ``/metrics`` is read: what is true now rather than what was counted.

Apps register what asks; the answers of one process are kept for ``KEPT_SECONDS``, so that several
readers of ``/metrics`` cost what one does.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number now: ``value``, or one for each value of ``label``."""

    name: str
    documentation: str
    value: float | None = None
    label: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


Ask = Callable[[], Iterable[Gauge]]

_sources: list[Ask] = []


def register_gauges(ask: Ask) -> None:
    """Has ``ask`` asked for its numbers; called once, when its app starts."""
    _sources.append(ask)


class KeptGauges:
    """What all sources answered, not older than ``KEPT_SECONDS``; for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._gauges: list[Gauge] = []

    def read(self) -> list[Gauge]:
        """The gauges of all sources that answer; never fails. One that does not is left out, and not
        asked again before the others are."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._gauges = [gauge for ask in _sources for gauge in _answer(ask)]
                self._until = time.monotonic() + KEPT_SECONDS
            return self._gauges


def _answer(ask: Ask) -> list[Gauge]:
    try:
        return list(ask())
    except Exception as error:
        # Its kind alone: an engine's words may hold an address with a password.
        logger.warning("gauges of %s are left out: %s", ask.__module__, type(error).__name__)
        return []
