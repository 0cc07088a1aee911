"""What is erased with a customer beside the row itself: apps that hold more of a person say so."""

from collections.abc import Callable
from uuid import UUID

from payments_project.actor import Actor
from payments_project.tenancy import Scope

Eraser = Callable[[Scope, UUID, Actor], None]

_ERASERS: list[Eraser] = []


def register_eraser(eraser: Eraser) -> None:
    """Has ``eraser`` called when a customer is deleted, in that transaction; for an app's start."""
    _ERASERS.append(eraser)


def erase_elsewhere(*, scope: Scope, customer_id: UUID, actor: Actor) -> None:
    """Calls every registered eraser, in the caller's transaction, which holds the row's lock."""
    for eraser in _ERASERS:
        eraser(scope, customer_id, actor)
