"""What each kind of gateway message does; apps above this one register theirs when they start."""

from collections.abc import Callable, Mapping
from typing import Any

# Applies a message within the caller's transaction and says in a few words what it did.
CallbackHandler = Callable[[str, Mapping[str, Any]], str]

_HANDLERS: dict[str, CallbackHandler] = {}


class NotYet(Exception):
    """The message came before what it is about is settled here; it is applied later."""


class Contradiction(Exception):
    """The message says what our record denies. Nothing is changed; it is kept for a person.

    Raised before anything is written: the text is stored as the message's outcome.
    """


def text_of(payload: Mapping[str, Any], name: str, *, length_max: int) -> str | None:
    """A provider's wording in a message, cut to what its column holds; None without one.

    The one place where messages' texts are read: no wording may keep a message from being applied.
    """
    text = payload.get(name)
    return None if text is None else str(text)[:length_max]


def register_callback_handler(kind: str, handler: CallbackHandler) -> None:
    """Has ``handler(gateway_name, payload)`` apply messages of a kind, such as ``charge.succeeded``."""
    _HANDLERS[kind] = handler


def handler_for(kind: str) -> CallbackHandler | None:
    """The kind's handler, or None for a kind that means nothing to us."""
    return _HANDLERS.get(kind)
