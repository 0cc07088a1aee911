"""A reader's thread and the pool of its process's connections."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections


@contextmanager
def connections_given_back() -> Iterator[None]:
    """To the pool, which knows whether a connection's server has hung up."""
    try:
        yield
    finally:
        connections.close_all()
