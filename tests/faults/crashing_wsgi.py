"""The product's application, dying on demand: a request that carries ``Crash-At`` kills its own
process with SIGKILL at that point. Only tests load this module; the product has no such switch.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from payments_project.wsgi import application as product
from transactions.gateways.simulator.gateway import SimulatorGateway

BEFORE_GATEWAY = "before-gateway"
AFTER_GATEWAY = "after-gateway"
AFTER_COMMIT = "after-commit"

_GATEWAY_ACTS = ("authorize", "capture", "void", "refund")

_crash_at = ""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    global _crash_at  # noqa: PLW0603 (one request at a time asks for it)
    _crash_at = environ.get("HTTP_CRASH_AT", "")
    response = product(environ, start_response)
    if _crash_at == AFTER_COMMIT:
        die()
    return response


def _dying(act: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if _crash_at == BEFORE_GATEWAY:
            die()
        result = act(*args, **kwargs)
        if _crash_at == AFTER_GATEWAY:
            die()
        return result

    return call


for _name in _GATEWAY_ACTS:
    setattr(SimulatorGateway, _name, _dying(getattr(SimulatorGateway, _name)))
