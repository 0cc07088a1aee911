"""Noting that an API key was used."""

import threading
import time
from uuid import UUID

from payments_project.database.statements import fetch_one

TOUCH_SECONDS = 60.0
_NOTED_MAX = 50_000

# It does not wait for the disk: after a crash a minute's notes may be missing.
_TOUCH = """
    UPDATE merchant_api_keys SET last_used_at = now()
     WHERE id = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    RETURNING set_config('synchronous_commit', 'off', true)
"""

_noted: dict[UUID, float] = {}
_lock = threading.Lock()


def touch_api_key(api_key_id: UUID) -> None:
    """Sets ``last_used_at``, at most once a minute and process; most calls cost a dict look-up."""
    now = time.monotonic()
    noted = _noted.get(api_key_id)
    if noted is not None and now - noted < TOUCH_SECONDS:
        return
    with _lock:
        if len(_noted) >= _NOTED_MAX:
            _noted.clear()
        _noted[api_key_id] = now
    fetch_one(_TOUCH, [api_key_id])
