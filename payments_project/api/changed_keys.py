"""Telling every process at once that an API key has changed.

Processes remember verified keys for half a minute. A changed key gets a mark in Redis that outlives
every such memory; the script of the rate limit, which each call runs anyway, reads it in the same
round trip, and a call that meets it goes by what the database says. A process that has no answer of
Redis remembers for five seconds only, and one that connects anew, perhaps to a Redis that has lost
its marks, trusts nothing that it knew before.
"""

import logging
from collections.abc import Iterable
from uuid import UUID

import redis
from django_redis import get_redis_connection

logger = logging.getLogger("payments.api_keys")

# Twice what a process remembers a key for, so that whoever read it before the change has forgotten.
MARK_SECONDS = 60


def mark_of(key_id: object) -> str:
    """The mark's key in Redis; the braces put it where the key's logs of calls are in a cluster."""
    return f"api_key_changed:{{{key_id}}}"


def mark_changed(key_ids: Iterable[UUID]) -> None:
    """Has every process read these keys anew. Called once the change is committed; never raises
    for Redis's sake."""
    try:
        client = get_redis_connection("default")
        for key_id in key_ids:
            client.set(mark_of(key_id), 1, ex=MARK_SECONDS)
    except (redis.exceptions.RedisError, OSError) as error:
        logger.error("processes are not told of a changed key: %s", type(error).__name__)
