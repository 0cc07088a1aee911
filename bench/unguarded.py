"""The product without its row locks, so that a race can be seen to be one.

The races bench runs this in place of ``payments_project.wsgi``: the same application, but each
statement loses its ``FOR UPDATE`` on its way to the server. Nothing in the product knows of it,
and no name of the product's is used, so that it stays true when a lock moves.
"""

import re
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created

from payments_project.wsgi import application

__all__ = ["application"]

_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b(?:\s+OF\s+[\w\", ]+)?", re.IGNORECASE)


def _run_without_lock(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    return execute(_LOCK.sub("", sql), params, many, context)


def _take_locks_away(*, connection: Any, **_: Any) -> None:
    if _run_without_lock not in connection.execute_wrappers:
        connection.execute_wrappers.append(_run_without_lock)


connection_created.connect(_take_locks_away, dispatch_uid="bench.unguarded")
