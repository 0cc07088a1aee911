"""A merchant whose searches one engine answers, or the other: tests of search are of both."""

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.models import SearchIndex
from tests.analytics.search.searching import CONSUMERS, ELASTICSEARCH, POSTGRESQL
from tests.api_client import Api
from tests.merchants.making import MadeMerchant, client_of, make_merchant
from tests.payments_project.events.reading import born_now
from tests.server import Server, start_server
from tests.stack_selection import required_address


@pytest.fixture(scope="session")
def plain_server(django_db_setup: None) -> Iterator[Server]:
    """A web server with nothing but PostgreSQL and Redis."""
    with start_server(KAFKA_BOOTSTRAP_SERVERS="", ELASTICSEARCH_URL="") as running:
        yield running


@pytest.fixture(scope="session")
def elastic_server(django_db_setup: None) -> Iterator[Server]:
    """One that has Elasticsearch too, fed by the log."""
    address = required_address("ELASTICSEARCH_URL")
    with start_server(KAFKA_BOOTSTRAP_SERVERS="", ELASTICSEARCH_URL=address) as running:
        yield running


@pytest.fixture
def live_index(settings: Any) -> Iterator[str]:
    """An index of the test's own that searches are answered from; nothing is in it yet."""
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    settings.ELASTICSEARCH_URL = address = required_address("ELASTICSEARCH_URL")
    from analytics.search.elastic import indices

    for index in SearchIndex.objects.all():
        indices.forget_index(index.name)
    made = indices.begin_index(expected=0)
    assert made is not None
    indices.make_live(made)
    yield made.name
    settings.ELASTICSEARCH_URL = address
    for index in SearchIndex.objects.all():
        indices.forget_index(index.name)


@pytest.fixture(
    params=[POSTGRESQL, pytest.param(ELASTICSEARCH, marks=pytest.mark.stack)],
)
def engine(request: pytest.FixtureRequest, settings: Any) -> str:
    """Which engine answers; its consumer begins now."""
    name: str = request.param
    if name == ELASTICSEARCH:
        request.getfixturevalue("live_index")
    else:
        settings.KAFKA_BOOTSTRAP_SERVERS = settings.ELASTICSEARCH_URL = ""
    born_now(CONSUMERS[name].cursor)
    return name


@pytest.fixture
def searched_server(engine: str, request: pytest.FixtureRequest, settings: Any) -> Server:
    """The web server whose searches ``engine`` answers; the simulator's callbacks go to it."""
    name = "elastic_server" if engine == ELASTICSEARCH else "plain_server"
    found: Server = request.getfixturevalue(name)
    settings.PUBLIC_URL = found.url
    return found


@pytest.fixture
def shop(searched_server: Server, merchant: MadeMerchant) -> Iterator[Api]:
    """The merchant's test key where ``engine`` answers."""
    with client_of(searched_server, merchant, "test") as client:
        yield client


@pytest.fixture
def other_shop(searched_server: Server) -> Iterator[Api]:
    """Another merchant's."""
    with client_of(searched_server, make_merchant(), "test") as client:
        yield client
