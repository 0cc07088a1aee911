"""The product's application, dying on demand: a request that carries ``Crash-At`` kills its own
process with SIGKILL at that point, and one with ``Cut-At`` has its database connection cut there.
Only tests load this module; the product has no such switch.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection

from payments_project.wsgi import application as product
from transactions.gateways.simulator.gateway import SimulatorGateway

BEFORE_GATEWAY = "before-gateway"
AFTER_GATEWAY = "after-gateway"
AFTER_COMMIT = "after-commit"

_GATEWAY_ACTS = (
    "authorize", "capture", "void", "refund", "bar_refund", "submit_evidence", "accept_dispute",
)  # fmt: skip

_crash_at = ""
_cut_at = ""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    global _crash_at, _cut_at  # noqa: PLW0603 (one request at a time asks for it)
    _crash_at = environ.get("HTTP_CRASH_AT", "")
    _cut_at = environ.get("HTTP_CUT_AT", "")
    response = product(environ, start_response)
    if _crash_at == AFTER_COMMIT:
        die()
    return response


def cut_connection() -> None:
    """Has PostgreSQL end this thread's connection."""
    pid = connection.connection.info.backend_pid
    settings_dict = connection.settings_dict
    with psycopg.connect(
        host=settings_dict["HOST"],
        port=settings_dict["PORT"],
        user=settings_dict["USER"],
        password=settings_dict["PASSWORD"],
        dbname=settings_dict["NAME"],
        autocommit=True,
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def _dying(act: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if _crash_at == BEFORE_GATEWAY:
            die()
        if _cut_at == BEFORE_GATEWAY:
            cut_connection()
        result = act(*args, **kwargs)
        if _crash_at == AFTER_GATEWAY:
            die()
        if _cut_at == AFTER_GATEWAY:
            cut_connection()
        return result

    return call


for _name in _GATEWAY_ACTS:
    setattr(SimulatorGateway, _name, _dying(getattr(SimulatorGateway, _name)))
