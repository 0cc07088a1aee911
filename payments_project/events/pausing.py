"""Pauses between tries that fail: each twice as long as the one before, up to a limit."""

import logging
import threading

logger = logging.getLogger(__name__)

SECONDS_LEAST = 0.5
SECONDS_MOST = 10.0


class GrowingPause:
    """For one who tries the same again; ``stop`` ends a pause."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name = name
        self._stop = stop
        self._seconds = SECONDS_LEAST

    def wait(self, why: object) -> None:
        """Says why, and waits; not at all where it is to stop."""
        if self._stop.is_set():
            return
        logger.warning("%s goes on in %.1f s: %s", self._name, self._seconds, why)
        self._stop.wait(self._seconds)
        self._seconds = min(self._seconds * 2, SECONDS_MOST)

    def reset(self) -> None:
        """After something worked, the next pause is a short one."""
        self._seconds = SECONDS_LEAST
