"""Rate limits: a true sliding window per key and endpoint, decided in Redis in one round trip.

The log of a key and endpoint is a Redis list of call times in microseconds. A call is let through
if the limit-th last call lies outside the window; that is exact, unlike counters per fixed window,
which let twice the limit through at an edge. The list never holds more than the hour's limit.
Redis's own clock is used, so hosts need not agree on the time. Refused calls are not logged.

Without Redis calls are let through (``docs/rate-limits.md``): a payment is worth more than a limit.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

import redis
from django_redis import get_redis_connection

from payments_project.api.changed_keys import mark_of
from payments_project.api.metrics import count_failed_open

logger = logging.getLogger("payments.rate_limit")

HOUR_SECONDS = 3600
# After a failure a thread leaves Redis alone this long, so that a dead one costs no time-out per
# call; less where another thread has reached it since.
PAUSE_SECONDS = 2.0

# KEYS: the log, the mark of a changed API key. ARGV: calls per second, calls per hour. Returns
# whether the call may go on, the calls left in the hour, the microseconds until the next call may
# (or until one is back), and whether the API key has changed.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local per_second, per_hour = tonumber(ARGV[1]), tonumber(ARGV[2])
local hour = 3600000000
local count = redis.call('LLEN', KEYS[1])
local function window(limit, length)
  if count < limit then return 0 end
  local oldest = redis.call('LINDEX', KEYS[1], -limit)
  return math.max(length - (now - oldest), 0)
end
local wait = math.max(window(per_hour, hour), window(per_second, 1000000))
if wait > 0 then return {0, 0, wait, 0} end
count = redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], 3600000)
local head = redis.call('LINDEX', KEYS[1], 0)
for _ = 1, 4 do
  if now - head < hour and count <= per_hour then break end
  redis.call('LPOP', KEYS[1])
  count = count - 1
  head = redis.call('LINDEX', KEYS[1], 0)
end
return {1, math.max(per_hour - count, 0), hour - (now - head), redis.call('EXISTS', KEYS[2])}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a call may go on, and what the response's headers say: the hour's limit, calls left,
    seconds until one is back; and whether what is remembered of the API key may be out of date
    (``changed_keys``)."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    key_changed: bool


class _Limiter(threading.local):
    """A thread's own connection to Redis, and its pause after Redis failed.

    The client's full command path costs three times what the script does (measured: 99 against 32
    microseconds of CPU a call), and every call of the API passes here; so the command is packed
    and sent on a connection directly.
    """

    def __init__(self) -> None:
        self.connection: Any = None
        self.sha = ""
        self.failed_at = 0.0

    def run(self, log: str, mark: str, per_second: int, per_hour: int) -> list[int] | None:
        """The script's answer; None while Redis is away."""
        if _reached_at < self.failed_at and time.monotonic() - self.failed_at < PAUSE_SECONDS:
            return None
        try:
            return self._call(log, mark, per_second, per_hour)
        except (redis.exceptions.RedisError, OSError) as error:
            self.failed_at = time.monotonic()
            self._hang_up()
            logger.error("rate limits are off while Redis is away: %s", type(error).__name__)
            return None

    def _call(self, log: str, mark: str, per_second: int, per_hour: int) -> list[int]:
        fresh = self.connection is None
        if fresh:
            self._dial()
        try:
            return self._evaluate(log, mark, per_second, per_hour)
        except redis.exceptions.NoScriptError:
            self._load_script()
            return self._evaluate(log, mark, per_second, per_hour)
        except (redis.exceptions.ConnectionError, OSError):
            if fresh:
                raise
            # An idle connection that Redis, or what lies between, has closed: once more.
            self._hang_up()
            self._dial()
            return self._evaluate(log, mark, per_second, per_hour)

    def _evaluate(self, log: str, mark: str, per_second: int, per_hour: int) -> list[int]:
        line = self.connection
        line.send_packed_command(
            line.pack_command("EVALSHA", self.sha, 2, log, mark, per_second, per_hour),
            check_health=False,
        )
        return [int(value) for value in line.read_response()]

    def _dial(self) -> None:
        global _reached_at  # noqa: PLW0603 (all threads share it)
        self.connection = get_redis_connection("default").connection_pool.make_connection()
        self.connection.connect()
        self._load_script()
        _reached_at = time.monotonic()

    def _load_script(self) -> None:
        self.connection.send_command("SCRIPT LOAD", _SCRIPT)
        self.sha = self.connection.read_response()

    def _hang_up(self) -> None:
        line, self.connection = self.connection, None
        if line is not None:
            line.disconnect()


_limiter = _Limiter()
# When a thread of this process last connected and was answered; of time.monotonic. The Redis of
# before may have been another, or had marks of changed keys that this one has lost: what was read
# of a key by then may have changed unnoticed.
_reached_at = 0.0


def check_rate_limit(
    *, key_id: str, key_read_at: float, endpoint: str, per_second: int, per_hour: int
) -> Allowance | None:
    """Counts a call, and says whether it may go on. None while Redis is away.

    ``key_read_at`` is when what is remembered of the API key was read, of ``time.monotonic``.
    """
    # The braces keep a key's logs and its mark on one node of a Redis Cluster.
    log = f"rate_limit:{{{key_id}}}:{endpoint}:{HOUR_SECONDS}"
    answer = _limiter.run(log, mark_of(key_id), per_second, per_hour)
    if answer is None:
        count_failed_open()
        return None
    allowed, remaining, wait_us, key_changed = answer
    seconds = max(1, -(-wait_us // 1_000_000))
    return Allowance(
        allowed=bool(allowed),
        limit=per_hour,
        remaining=remaining,
        reset_seconds=seconds,
        key_changed=bool(key_changed) or key_read_at < _reached_at,
    )
