"""``/readyz`` asks every engine that is configured, and waits for none of them for long."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.server import start_server
from tests.stack_selection import required_address

SECONDS_MAX = 2
# What takes connections and never answers is worse than what is not there.
KINDS = ["absent", "silent"]


@pytest.fixture(params=KINDS)
def dead_address(request: pytest.FixtureRequest) -> Iterator[str]:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        if request.param == "silent":
            place.listen()
        yield f"127.0.0.1:{place.getsockname()[1]}"


def test_engines_that_are_configured_and_away_degrade_it_and_do_not_stall_it(
    django_db_setup: None, dead_address: str
) -> None:
    with start_server(
        REDIS_URL=f"redis://{dead_address}/0",
        KAFKA_BOOTSTRAP_SERVERS=dead_address,
        ELASTICSEARCH_URL=f"http://{dead_address}",
    ) as server:
        for _ in range(3):
            began = time.monotonic()
            response = httpx.get(f"{server.url}/readyz", timeout=30)
            took = time.monotonic() - began

            assert response.status_code == 200
            answer = response.json()
            assert answer["status"] == "degraded"
            stands = {name: engine["status"] for name, engine in answer["engines"].items()}
            assert stands == {
                "postgresql": "ok",
                "redis": "unavailable",
                "kafka": "unavailable",
                "elasticsearch": "unavailable",
            }
            assert took < SECONDS_MAX
        # Kafka's client would write a line about each attempt.
        assert "rdkafka" not in server.log.read_text()


def test_engines_that_are_not_configured_degrade_nothing(django_db_setup: None) -> None:
    with start_server(KAFKA_BOOTSTRAP_SERVERS="", ELASTICSEARCH_URL="") as server:
        answer = httpx.get(f"{server.url}/readyz").json()

    assert answer["status"] == "ok"
    assert answer["engines"]["kafka"] == {"status": "not_configured"}
    assert answer["engines"]["elasticsearch"] == {"status": "not_configured"}


@pytest.mark.stack
def test_engines_that_answer_are_told(django_db_setup: None) -> None:
    with start_server(
        KAFKA_BOOTSTRAP_SERVERS=required_address("KAFKA_BOOTSTRAP_SERVERS"),
        ELASTICSEARCH_URL=required_address("ELASTICSEARCH_URL"),
    ) as server:
        answer = httpx.get(f"{server.url}/readyz", timeout=30).json()

    assert answer["status"] == "ok"
    assert {engine["status"] for engine in answer["engines"].values()} == {"ok"}
