"""Calling a gateway: never inside a database transaction."""

from collections.abc import Callable
from typing import ParamSpec

from django.db import connection

from transactions.gateways.interface import GatewayResult

Arguments = ParamSpec("Arguments")


def call_gateway(
    operation: Callable[Arguments, GatewayResult],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> GatewayResult:
    """Calls one operation of an adapter and returns its result.

    Raises ``RuntimeError`` inside a database transaction: a slow gateway would hold its locks, and
    a rollback would forget a charge.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a gateway is never called inside a database transaction")
    return operation(*args, **kwargs)
