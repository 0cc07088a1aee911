"""The product's application, saying all it can: every logger at DEBUG, SQL with its parameters, and
of every logged exception each frame's variables, as an error reporter would send them.

A request that carries ``Fail-In: module:name`` fails inside that function, with its arguments in
the frame. Only tests load this module.
"""

import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from payments_project.wsgi import application as product  # isort: skip (it sets Django up)
from django.conf import settings

from tests.failing_places import FAILING, MARK

settings.DEBUG = True
_fail_in = ""


class FramesHandler(logging.StreamHandler):
    """Writes a record, its traceback, and what every frame of it held."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not record.exc_info or record.exc_info[2] is None:
            return text
        for frame, _ in traceback.walk_tb(record.exc_info[2]):
            for name, value in frame.f_locals.items():
                text += f"\n{MARK}{frame.f_code.co_name}: {name} = {value!r}"
        return text


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    global _fail_in  # noqa: PLW0603 (one request at a time asks for it)
    _fail_in = environ.get("HTTP_FAIL_IN", "")
    return product(environ, start_response)


def _failing(place: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if _fail_in == place:
            raise RuntimeError(f"{place} failed, as it was asked to")
        return function(*args, **kwargs)

    return call


for _module, _path in FAILING:
    _owner: Any = importlib.import_module(_module)
    *_parents, _name = _path.split(".")
    for _parent in _parents:
        _owner = getattr(_owner, _parent)
    setattr(_owner, _name, _failing(f"{_module}:{_path}", getattr(_owner, _name)))

_handler = FramesHandler(sys.stdout)
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(args)r"))
logging.root.handlers[:] = [_handler]
logging.root.setLevel(logging.DEBUG)
for _logger in list(logging.root.manager.loggerDict.values()):
    if isinstance(_logger, logging.Logger):
        _logger.disabled = False
        _logger.setLevel(logging.NOTSET)
        _logger.handlers.clear()
        _logger.propagate = True
