"""Gauges at ``/metrics``: what is true now, kept for a moment, and never the end of a scrape."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from payments_project.api import gauges
from payments_project.api.gauges import Gauge, KeptGauges
from tests.api_client import Api
from tests.payments_project.api.test_metrics import value
from tests.server import start_server


def test_readers_dead_letters_and_webhooks_are_among_the_metrics(api: Api, tmp_path) -> None:
    with start_server(workers=2, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        assert value(server, "event_reader_active", reader="consumer:webhooks") == 0
        text = httpx.get(f"{server.url}/metrics").text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}
    assert names >= {
        "event_reader_lag_events", "event_reader_lag_seconds", "event_reader_active",
        "dead_letters", "webhook_deliveries_pending", "webhook_endpoints_failing",
        "oldest_transaction_seconds", "http_requests_total",
    }  # fmt: skip
    assert 'event_reader_lag_seconds{reader="ledger_balances"}' in text
    assert 'dead_letters{consumer="webhooks"}' in text


def test_a_source_that_fails_is_left_out_and_the_others_stay(monkeypatch: Any) -> None:
    def fails() -> Iterator[Gauge]:
        yield Gauge("half", "Half an answer.", value=1)
        raise OSError("postgresql://user:password@host")

    def answers() -> Iterator[Gauge]:
        yield Gauge("whole", "An answer.", value=2)

    monkeypatch.setattr(gauges, "_sources", [fails, answers])
    assert [(gauge.name, gauge.value) for gauge in KeptGauges().read()] == [("whole", 2)]


def test_a_failure_is_logged_without_its_words(
    monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> Iterator[Gauge]:
        raise OSError("postgresql://user:password@host")

    monkeypatch.setattr(gauges, "_sources", [fails])
    KeptGauges().read()
    assert "OSError" in caplog.text
    assert "password" not in caplog.text


def test_answers_are_kept_for_a_moment(monkeypatch: Any) -> None:
    asked = []

    def counts() -> Iterator[Gauge]:
        asked.append(1)
        yield Gauge("asked", "How often.", value=len(asked))

    monkeypatch.setattr(gauges, "_sources", [counts])
    kept = KeptGauges()
    assert [kept.read()[0].value for _ in range(3)] == [1, 1, 1]
    monkeypatch.setattr(gauges, "KEPT_SECONDS", 0)
    later = KeptGauges()
    assert [later.read()[0].value for _ in range(2)] == [2, 3]
