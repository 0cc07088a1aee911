"""The rate limit: exact in any window, one key's own, told in headers."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from django_redis import get_redis_connection

from payments_project.api.rate_limit import check_rate_limit
from tests.api_client import Api
from tests.merchants.making import make_key
from tests.server import Server

SECOND_US = 1_000_000


def client(server: Server, key: str) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"})


def call(key: str, *, per_second: int = 1000, per_hour: int = 1000, endpoint: str = "e") -> bool:
    allowance = check_rate_limit(
        key_read_at=time.monotonic(),
        key_id=key,
        endpoint=endpoint,
        per_second=per_second,
        per_hour=per_hour,
    )
    return allowance is not None and allowance.allowed


def calls_ago(key: str, *ages_seconds: float, endpoint: str = "e") -> None:
    """Writes calls of the past into the log, as if they had been made then."""
    cache = get_redis_connection("default")
    seconds, microseconds = cache.time()
    now = seconds * SECOND_US + microseconds
    times = sorted(now - round(age * SECOND_US) for age in ages_seconds)
    cache.rpush(f"rate_limit:{{{key}}}:{endpoint}:3600", *times)


def test_headers_count_down(server: Server, api: Api) -> None:
    with client(server, make_key(api.scope, rate_limits=(None, 3))) as http:
        answers = [http.get("/v1/balance") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"3"}
    assert 3590 <= int(answers[0].headers["RateLimit-Reset"]) <= 3600
    error = api.error(answers[3], 429, "rate_limited")
    assert error["type"] == "rate_limit_error"
    assert 3590 <= int(answers[3].headers["Retry-After"]) <= 3600
    assert answers[3].headers["RateLimit-Reset"] == answers[3].headers["Retry-After"]


def test_calls_without_the_permission_are_counted_too(server: Server, api: Api) -> None:
    with client(server, make_key(api.scope, "events:read", rate_limits=(None, 2))) as http:
        answers = [http.get("/v1/balance") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [403, 403, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]


def test_each_key_and_each_endpoint_has_its_own(server: Server, api: Api) -> None:
    for key in (make_key(api.scope, rate_limits=(None, 1)) for _ in range(2)):
        with client(server, key) as http:
            assert http.get("/v1/balance").status_code == 200
            assert http.get("/v1/balance").status_code == 429
            assert http.get("/v1/customers").status_code == 200


def test_refused_payment_leaves_nothing(server: Server, api: Api) -> None:
    token = api.card()
    with client(server, make_key(api.scope, rate_limits=(None, 1))) as http:
        body = {"amount": 100, "currency": "USD", "payment_method": token}
        assert http.post("/v1/transactions", json=body).status_code == 201
        headers = {"Idempotency-Key": "again"}
        assert http.post("/v1/transactions", json=body, headers=headers).status_code == 429
    assert len(api.get("/v1/transactions").json()["data"]) == 1
    # The refusal is not stored under the key: with room, the payment is made.
    assert api.post("/v1/transactions", body, key="again").status_code == 201


def test_window_slides_and_lets_no_double_through_at_an_edge() -> None:
    key = str(uuid4())
    # As many as are allowed, in the last tenth of the window before.
    calls_ago(key, *[3599.5 - number / 100 for number in range(5)])
    assert not call(key, per_hour=5)
    old = str(uuid4())
    calls_ago(old, *[3600.5 + number / 100 for number in range(5)])
    assert [call(old, per_hour=5) for _ in range(6)] == [True] * 5 + [False]


def test_room_comes_back_one_call_at_a_time() -> None:
    key = str(uuid4())
    calls_ago(key, 3601, 1800, 10)
    assert [call(key, per_hour=3) for _ in range(2)] == [True, False]


def test_second_and_hour_count_by_themselves() -> None:
    key = str(uuid4())
    calls_ago(key, 0.4, 0.3, 2)
    assert not call(key, per_second=2)
    assert call(key, per_second=3)
    later = str(uuid4())
    calls_ago(later, 1.1, 1.2)
    assert call(later, per_second=1)


def test_refused_calls_are_not_counted() -> None:
    key = str(uuid4())
    calls_ago(key, 0.9)
    assert not call(key, per_second=1)
    deadline = time.monotonic() + 5
    while not call(key, per_second=1):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_callers_at_once_get_exactly_the_limit(limit: int) -> None:
    key = str(uuid4())
    with ThreadPoolExecutor(20) as threads:
        allowed = list(threads.map(lambda _: call(key, per_hour=limit), range(200)))
    assert sum(allowed) == limit


def test_log_of_calls_ends_by_itself() -> None:
    key = str(uuid4())
    call(key)
    lifetime = get_redis_connection("default").pttl(f"rate_limit:{{{key}}}:e:3600")
    assert 3_590_000 < lifetime <= 3_600_000


def test_nothing_read_before_a_thread_connected_is_trusted() -> None:
    """A thread that had no connection yet may meet a Redis that has lost its marks meanwhile."""

    def is_doubted(read_at: float) -> bool:
        allowance = check_rate_limit(
            key_id=str(uuid4()), key_read_at=read_at, endpoint="e", per_second=9, per_hour=9
        )
        assert allowance is not None
        return allowance.key_changed

    call(str(uuid4()))
    read_at = time.monotonic()
    assert not is_doubted(read_at)
    with ThreadPoolExecutor(1) as new_thread:
        assert new_thread.submit(is_doubted, read_at).result()
        assert not new_thread.submit(is_doubted, time.monotonic()).result()
    assert is_doubted(read_at)
