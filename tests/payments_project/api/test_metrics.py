"""``/metrics`` shows what was just asked, whichever worker answers."""

import re

import httpx

from payments_project.api.rate_limit import check_rate_limit
from tests.api_client import Api
from tests.server import Server, start_server


def value(server: Server, name: str, **labels: str) -> float:
    """A series' value; 0 where there is none yet."""
    response = httpx.get(f"{server.url}/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    for line in response.text.splitlines():
        if re.match(rf"{name}[ {{]", line) and all(
            f'{key}="{wanted}"' in line for key, wanted in labels.items()
        ):
            return float(line.rpartition(" ")[2])
    return 0.0


def test_a_request_is_counted_and_timed_by_its_view(api: Api, tmp_path) -> None:
    labels = {"view": "TransactionView", "method": "GET"}
    # A server that nobody else asks anything.
    with start_server(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        api.http.base_url = server.url
        for number in (1, 2):
            api.get("/v1/transactions/nothing")
            assert value(server, "http_requests_total", status="404", **labels) == number
            assert value(server, "http_request_duration_seconds_count", **labels) == number


def test_invented_methods_and_addresses_make_no_series(server: Server) -> None:
    before = value(server, "http_requests_total", method="other", view="none")
    for number in range(3):
        httpx.request(f"ODD{number}", f"{server.url}/nowhere/{number}")
    text = httpx.get(f"{server.url}/metrics").text
    assert "ODD" not in text
    assert "nowhere" not in text
    assert value(server, "http_requests_total", method="other", view="none") >= before + 3


def test_all_workers_are_summed(tmp_path) -> None:
    with start_server(workers=2, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        for _ in range(40):
            # A connection of its own each, so that both workers have their share.
            httpx.get(f"{server.url}/v1/balance")
        counted = {
            value(server, "http_requests_total", view="BalanceView", status="401")
            for _ in range(10)
        }
    assert counted == {40.0}


def test_calls_that_the_rate_limiter_lets_through_are_counted(tmp_path) -> None:
    from payments_project.api.rate_limit import _limiter

    counter_before = _failed_open()
    _limiter.failed_at = float("inf")
    try:
        allowance = check_rate_limit(
            key_id="k", key_read_at=0, endpoint="E", per_second=1, per_hour=1
        )
    finally:
        _limiter.failed_at = 0.0
    assert allowance is None
    assert _failed_open() == counter_before + 1


def _failed_open() -> float:
    from payments_project.api.metrics import FAILED_OPEN

    return FAILED_OPEN._value.get()
