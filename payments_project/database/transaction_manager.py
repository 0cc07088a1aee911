"""The transaction manager: isolation as an argument, retries where PostgreSQL expects them.

PostgreSQL answers 40001 (serialization failure) and 40P01 (deadlock) when a transaction must be
run again from its start; nothing else is retried, and a gateway is never called in here.
See docs/database.md.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction

from payments_project.database.partitions import MONTHS_MADE_MAX, create_missing_month

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
Result = TypeVar("Result")

RETRIED_SQLSTATES = frozenset({"40001", "40P01"})
ATTEMPTS_MAX = 8
BACKOFF_SECONDS = 0.005
BACKOFF_SECONDS_MAX = 0.25


@contextmanager
def payment_transaction(
    isolation: Isolation = "READ COMMITTED", *, using: str = DEFAULT_DB_ALIAS
) -> Iterator[None]:
    """One database transaction at ``isolation``: commits at the end, rolls back on an error.

    Always the outermost one: a ``RuntimeError`` is raised inside another, because neither its
    isolation nor its durability could be kept there. One attempt; ``run_in_transaction`` retries.
    """
    with transaction.atomic(using=using, durable=True):
        if isolation != "READ COMMITTED":
            with connections[using].cursor() as cursor:
                cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        yield


def run_in_transaction(
    work: Callable[[], Result],
    *,
    isolation: Isolation = "READ COMMITTED",
    attempts: int = ATTEMPTS_MAX,
    using: str = DEFAULT_DB_ALIAS,
) -> Result:
    """Runs ``work`` in a transaction of its own and returns what it returns.

    A serialization failure or a deadlock runs it again, at most ``attempts`` times in all with a
    growing, jittered pause; so ``work`` must have no effect outside the database. A row whose
    month has no partition makes the month. Any other error, and the last failure, is raised; so is
    that of an ``on_commit`` hook, whatever it is, since the work is done by then.
    """
    committed: list[bool] = []
    months_left = MONTHS_MADE_MAX
    attempt = 1
    while True:
        try:
            with payment_transaction(isolation, using=using):
                # The first hook, so that it is called before one that may fail.
                transaction.on_commit(partial(committed.append, True), using=using)
                return work()
        except DatabaseError as error:
            if committed:
                raise
            if months_left and create_missing_month(error, using=using):
                months_left -= 1
                continue
            if sqlstate(error) not in RETRIED_SQLSTATES or attempt >= attempts:
                raise
            time.sleep(_pause_seconds(attempt))
            attempt += 1


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE behind a Django or psycopg database error, if PostgreSQL gave one."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, psycopg.Error):
            return candidate.sqlstate
    return None


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint behind a Django or psycopg error, if one was broken."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, psycopg.Error):
            return candidate.diag.constraint_name
    return None


def _pause_seconds(attempt: int) -> float:
    ceiling = min(BACKOFF_SECONDS * 2**attempt, BACKOFF_SECONDS_MAX)
    return random.uniform(0, ceiling)  # noqa: S311 (jitter, not a secret)
