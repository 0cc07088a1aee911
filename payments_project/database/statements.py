"""Running one prepared statement with as little around it as the payment path can have.

psycopg's cursor spends three times as long on a statement of twenty parameters as libpq and
psycopg's own adapters do (measured: 105 µs of CPU against 38). So in autocommit, where there is no
transaction to begin, the statement goes to libpq directly.
"""

import itertools
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

_NOT_PREPARED = b"26000"
_PLACEHOLDER = re.compile(r"%\((?P<name>\w+)\)s|%s|%%")


def fetch_one(
    statement: str,
    parameters: Mapping[str, Any] | Sequence[Any] = (),
    *,
    using: str = DEFAULT_DB_ALIAS,
) -> tuple[Any, ...] | None:
    """Runs ``statement`` on this thread's connection and returns its first row, None without one.

    It must return rows. JSON columns come parsed, but within a transaction as text, as Django's
    cursors have them. As with one of those it takes part in the transaction that is open, and
    errors are Django's. It is prepared where ``PREPARED_STATEMENTS`` allows it, once for each
    combination of its parameters' types.
    """
    connection = connections[using]
    if connection.in_atomic_block or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
    if connection.connection is None:
        connection.ensure_connection()
    with connection.wrap_database_errors:
        return _fetch_one(connection.connection, statement, parameters)


@contextmanager
def planned_for_their_values(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Statements of Django's cursors and querysets in the block are planned for the values given.

    For ranges whose ends decide the plan: without the values PostgreSQL takes any range for a
    two-hundredth of the table. Planning costs more each time, but months out of the range are left
    out by then.
    """
    connection = connections[using]
    connection.ensure_connection()
    driver = connection.connection
    threshold = driver.prepare_threshold
    driver.prepare_threshold = None
    try:
        yield
    finally:
        driver.prepare_threshold = threshold


class _Numbered(NamedTuple):
    """A statement with libpq's placeholders; ``names`` in their order, empty if by position."""

    text: bytes
    names: tuple[str, ...]


class _Adapters(threading.local):
    """psycopg's adapters; one set a thread, since it holds the query that it is at."""

    def __init__(self) -> None:
        self.transformer = Transformer()


_adapters = _Adapters()
_names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
_numbers = itertools.count()
_prepared: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


def _fetch_one(
    connection: psycopg.Connection[Any],
    statement: str,
    parameters: Mapping[str, Any] | Sequence[Any],
) -> tuple[Any, ...] | None:
    text, names = _numbered(statement)
    values = [parameters[name] for name in names] if isinstance(parameters, Mapping) else parameters
    transformer = _adapters.transformer
    dumped = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
    types, formats = transformer.types or (), transformer.formats
    if settings.PREPARED_STATEMENTS:
        name = _prepare(connection, text, types)
        result = connection.pgconn.exec_prepared(name, dumped, formats)  # type: ignore[arg-type]
        if result.error_field(pq.DiagnosticField.SQLSTATE) == _NOT_PREPARED:
            # psycopg drops all of a connection's statements after a rollback. Nothing was run. Only
            # this one is known to be gone: others may have been prepared again since.
            _prepared[connection].discard(name)
            name = _prepare(connection, text, types)
            result = connection.pgconn.exec_prepared(name, dumped, formats)  # type: ignore[arg-type]
    else:
        result = connection.pgconn.exec_params(text, dumped, types, formats)
    _raise_error_of(connection, result)
    if result.ntuples == 0:
        return None
    transformer.set_pgresult(result)
    row: tuple[Any, ...] = transformer.load_row(0, tuple)
    transformer.set_pgresult(None)
    return row


def _prepare(connection: psycopg.Connection[Any], text: bytes, types: tuple[int, ...]) -> bytes:
    """The statement's name, the same on every connection; prepares it where it is not yet."""
    name = _names.get((text, types))
    if name is None:
        name = _names.setdefault((text, types), b"payments_%d" % next(_numbers))
    prepared = _prepared.get(connection)
    if prepared is None:
        prepared = _prepared[connection] = set()
    if name not in prepared:
        _raise_error_of(connection, connection.pgconn.prepare(name, text, types))
        prepared.add(name)
    return name


def _raise_error_of(connection: psycopg.Connection[Any], result: pq.abc.PGresult) -> None:
    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return
    if connection.pgconn.status != pq.ConnStatus.OK:
        raise psycopg.OperationalError("the connection was lost in a statement")
    raise error_from_result(result)


@cache
def _numbered(statement: str) -> _Numbered:
    """A parameter that is used twice is sent once."""
    names: list[str] = []
    positions = 0

    def placeholder(match: re.Match[str]) -> str:
        nonlocal positions
        if match[0] == "%%":
            return "%"
        if match[0] == "%s":
            positions += 1
            return f"${positions}"
        if match["name"] not in names:
            names.append(match["name"])
        return f"${names.index(match['name']) + 1}"

    text = _PLACEHOLDER.sub(placeholder, statement)
    return _Numbered(text.encode(), tuple(names))
