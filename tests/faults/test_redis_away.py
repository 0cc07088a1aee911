"""Redis killed under a running server: payments go on, without limits, and the log says so."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from merchants.api.authentication import REMEMBERED_ALONE_SECONDS
from payments_project.api.rate_limit import PAUSE_SECONDS
from tests.api_client import Api
from tests.faults.engines import OwnRedis, own_redis, wait_until
from tests.merchants.making import MadeMerchant, client_of
from tests.server import Server, start_server


@pytest.fixture(scope="module")
def own() -> Iterator[OwnRedis]:
    with own_redis() as engine:
        yield engine


@pytest.fixture(scope="module")
def lone_server(django_db_setup: None, own: OwnRedis) -> Iterator[Server]:
    """A server whose Redis is the test's own."""
    with start_server(REDIS_URL=own.url) as running:
        yield running


@pytest.fixture
def lone_api(lone_server: Server, merchant: MadeMerchant, own: OwnRedis) -> Iterator[Api]:
    if not own.answers():
        own.start()
    with client_of(lone_server, merchant, "test") as client:
        wait_until(lambda: limited(client.get("/v1/balance")), "limits are on")
        yield client


def limited(response: httpx.Response) -> bool:
    return "RateLimit-Remaining" in response.headers


def key_in_use(api: Api, server: Server) -> tuple[dict[str, Any], httpx.Client]:
    """A new key that may read the balance, and a client of ``server`` that uses it."""
    key = api.post(
        "/v1/api_keys", {"name": "till", "type": "secret", "permissions": ["balance:read"]}
    ).json()
    bearer = {"Authorization": f"Bearer {key['secret']}"}
    return key, httpx.Client(base_url=server.url, headers=bearer)


def revoke_elsewhere(server: Server, merchant: MadeMerchant, key_id: str) -> None:
    """Revokes a key through a server that has a Redis of its own."""
    with client_of(server, merchant, "test") as elsewhere:
        assert elsewhere.post(f"/v1/api_keys/{key_id}/revoke").status_code == 200


def test_payments_go_on_without_redis_and_limits_come_back_with_it(
    lone_api: Api, own: OwnRedis, lone_server: Server
) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": lone_api.card()}
    assert limited(lone_api.post("/v1/transactions", body))

    own.kill()
    began = time.monotonic()
    without = [lone_api.post("/v1/transactions", body, key=f"away-{n}") for n in range(20)]
    took = time.monotonic() - began

    assert [response.status_code for response in without] == [201] * 20
    assert not any(limited(response) for response in without)
    # Each thread of the server tries once in two seconds, and waits 50 ms at most.
    assert took < 10
    assert "rate limits are off while Redis is away" in lone_server.log.read_text()
    assert lone_api.post("/v1/transactions", body, key="away-0").headers["Idempotent-Replayed"]

    own.start()
    time.sleep(PAUSE_SECONDS)
    wait_until(lambda: limited(lone_api.get("/v1/balance")), "limits are on again")
    assert lone_api.balance()["pending"] == 21 * 941


def test_readiness_is_degraded_without_redis_and_the_metric_counts(
    lone_api: Api, own: OwnRedis, lone_server: Server
) -> None:
    own.kill()
    lone_api.get("/v1/balance")

    ready = httpx.get(f"{lone_server.url}/readyz")

    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["engines"]["redis"]["status"] == "unavailable"
    assert httpx.get(f"{lone_server.url}/healthz").status_code == 200
    own.start()
    wait_until(
        lambda: httpx.get(f"{lone_server.url}/readyz").json()["status"] == "ok", "all is well"
    )


def test_without_redis_a_revoked_key_is_refused_within_five_seconds(
    lone_api: Api, own: OwnRedis, lone_server: Server, server: Server, merchant: MadeMerchant
) -> None:
    """The process that revokes has a Redis and the one that is asked has none: nobody tells it."""
    key, asked = key_in_use(lone_api, lone_server)
    own.kill()
    assert asked.get("/v1/balance").status_code == 200
    revoke_elsewhere(server, merchant, key["id"])
    revoked_at = accepted_at = time.monotonic()

    def is_refused() -> bool:
        nonlocal accepted_at
        asked_at = time.monotonic()
        if asked.get("/v1/balance").status_code == 401:
            return True
        accepted_at = asked_at
        return False

    wait_until(is_refused, "the process has forgotten the key")
    assert accepted_at - revoked_at <= REMEMBERED_ALONE_SECONDS


def test_key_revoked_while_redis_was_away_is_refused_once_redis_is_back_without_marks(
    lone_api: Api, own: OwnRedis, lone_server: Server, server: Server, merchant: MadeMerchant
) -> None:
    key, asked = key_in_use(lone_api, lone_server)
    assert limited(asked.get("/v1/balance"))
    own.kill()
    revoke_elsewhere(server, merchant, key["id"])
    own.start()

    assert asked.get("/v1/balance").status_code == 401


def test_key_is_revoked_without_redis(lone_api: Api, own: OwnRedis, lone_server: Server) -> None:
    key, asked = key_in_use(lone_api, lone_server)
    own.kill()

    revoked = lone_api.post(f"/v1/api_keys/{key['id']}/revoke")

    assert (revoked.status_code, revoked.json()["is_active"]) == (200, False)
    assert asked.get("/v1/balance").status_code == 401
    assert "processes are not told of a changed key" in lone_server.log.read_text()
