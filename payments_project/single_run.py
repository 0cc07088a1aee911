"""At most one run of a job at a time, as far as Redis can tell.

For jobs that are due again long before a slow run of them ends: without it their runs would fill
every worker. It is no guard of anybody's money; such a job is safe to run twice at once, so a lock
that may be lost is enough. It expires by itself, so that a killed run leaves nothing to clean up,
and it needs no session: behind PgBouncer in transaction mode a session's advisory lock would go to
whoever gets the connection next. Without Redis the job runs anyway.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import redis
from django_redis import get_redis_connection

logger = logging.getLogger(__name__)

_AWAY = (redis.exceptions.RedisError, OSError)


@contextmanager
def single_run(job: str, *, seconds: float) -> Iterator[Callable[[], None] | None]:
    """None while another run of ``job`` goes on, anywhere; else what keeps others out for
    ``seconds`` again, to be called while there is work. Until the block ends, or at most so long
    after the last call."""
    lock = None
    try:
        lock = get_redis_connection("default").lock(f"single_run:{{{job}}}", timeout=seconds)
        is_ours = lock.acquire(blocking=False)
    except _AWAY as error:
        logger.warning("%s runs without its lock: %s", job, type(error).__name__)
        lock, is_ours = None, True
    if not is_ours:
        yield None
        return

    def keep() -> None:
        # Lost meanwhile, or Redis is away: then another run may begin beside this one.
        with suppress(*_AWAY):
            if lock is not None:
                lock.reacquire()

    try:
        yield keep
    finally:
        with suppress(*_AWAY):
            if lock is not None:
                lock.release()
