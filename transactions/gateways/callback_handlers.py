"""What each kind of gateway message does; apps above this one register theirs when they start."""

from collections.abc import Callable, Mapping
from typing import Any

# Applies a message within the caller's transaction and says in a few words what it did.
CallbackHandler = Callable[[str, Mapping[str, Any]], str]

_HANDLERS: dict[str, CallbackHandler] = {}


class NotYet(Exception):
    """The message came before what it is about is settled here; it is applied later."""


def register_callback_handler(kind: str, handler: CallbackHandler) -> None:
    """Has ``handler(gateway_name, payload)`` apply messages of a kind, such as ``charge.succeeded``."""
    _HANDLERS[kind] = handler


def handler_for(kind: str) -> CallbackHandler | None:
    """The kind's handler, or None for a kind that means nothing to us."""
    return _HANDLERS.get(kind)
