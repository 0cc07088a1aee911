"""The client of Elasticsearch, one for each process."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from elasticsearch import ApiError, Elasticsearch, TransportError

from payments_project.events.errors import Postponed

# What is indexed may wait for a busy node; who searches may not (``find.SECONDS_MAX``).
SECONDS_MAX = 60


def client() -> Elasticsearch:
    """The process's client. Nothing is tried again here: whoever asks knows what to do instead."""
    return _client(settings.ELASTICSEARCH_URL)


@functools.cache
def _client(url: str) -> Elasticsearch:
    return Elasticsearch(
        url,
        **{
            "request_timeout": SECONDS_MAX,
            "max_retries": 0,
            "connections_per_node": 20,
            **settings.ELASTICSEARCH_OPTIONS,
        },
    )


@contextmanager
def later_if_away() -> Iterator[None]:
    """Raises ``Postponed`` in place of the client's errors: whoever writes tries again."""
    try:
        yield
    except (ApiError, TransportError) as error:
        raise Postponed(f"elasticsearch: {type(error).__name__}") from error
