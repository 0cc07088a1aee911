"""One sending: what is sent and where to, and that its time is bounded whatever comes."""

import socket
import time
from typing import Any

import pytest

from merchants.webhooks.sender import WebhookSender
from merchants.webhooks.signing import new_secret, signed_headers
from tests.merchants.webhooks.listeners import (
    Act,
    Connection,
    answer,
    listening,
)
from tests.merchants.webhooks.one_sending import (
    BODY,
    LATE,
    TIMEOUT,
    response,
    send,
    sent_to,
    takes_about_the_timeout,
)

pytestmark = pytest.mark.usefixtures("loopback_allowed")


def test_the_request_as_it_comes(sender: WebhookSender) -> None:
    with listening() as listener:
        outcome = send(sender, listener.url + "?a=b", {"webhook-id": "1"})

    assert listener.requests == [
        b"POST /hooks?a=b HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"User-Agent: payment-service-webhooks/1\r\n"
        b"Accept: */*\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Content-Length: 32\r\n"
        b"webhook-id: 1\r\n"
        b"\r\n" % listener.port + BODY
    ]
    assert (outcome.status, outcome.error, outcome.excerpt) == (200, None, "ok")
    assert outcome.succeeded
    assert 0 <= outcome.duration_ms < TIMEOUT * 1_000
    assert outcome.retry_after_seconds is None


def test_the_path_s_parameters_are_sent_too(sender: WebhookSender) -> None:
    with listening() as listener:
        send(sender, listener.url + ";v=1;w?a=1;b")

    assert listener.requests[0].startswith(b"POST /hooks;v=1;w?a=1;b HTTP/1.1\r\n")


@pytest.mark.parametrize("name", ["webhook-id", "webhook-signature"])
@pytest.mark.parametrize(
    "value",
    ["a\r\nX-Injected: yes", "a\nX-Injected: yes", "a\rX", "a\x00b", "ü", "a\r\n\r\nPOST /"],
)
def test_odd_values_of_headers_are_not_sent(
    sender: WebhookSender, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    with listening() as listener:
        outcome = send(sender, listener.url, {name: value})

    assert (outcome.status, outcome.error) == (None, "connection_failed")
    assert listener.requests == []
    # Ours to mend, so that it is told.
    assert "a webhook could not be sent" in caplog.text


def test_an_odd_id_splits_no_header(sender: WebhookSender) -> None:
    headers = signed_headers(
        secrets=[new_secret()], message_id="1\r\nX-Injected: yes", timestamp=1, body=BODY
    )

    with listening() as listener:
        send(sender, listener.url, headers)

    assert listener.requests == []


def test_cookies_are_not_kept(sender: WebhookSender) -> None:
    with listening(answer(response(200, "Set-Cookie: session=1; Path=/"))) as listener:
        send(sender, listener.url)
        send(sender, listener.url)

    assert len(listener.requests) == 2
    assert not any(b"cookie" in request.lower() for request in listener.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(sender: WebhookSender, status: int) -> None:
    with (
        listening() as inside,
        listening(answer(response(status, f"Location: {inside.url}"))) as listener,
    ):
        outcome = send(sender, listener.url)

    assert (outcome.status, outcome.error, outcome.succeeded) == (status, None, False)
    assert len(listener.requests) == 1
    assert inside.connections == 0


@pytest.mark.parametrize(
    "header", ["Refresh: 0; url={url}", "Content-Location: {url}", 'Alt-Svc: h2="{url}"']
)
def test_nor_is_anything_else_that_names_a_place(sender: WebhookSender, header: str) -> None:
    with (
        listening() as inside,
        listening(answer(response(200, header.format(url=inside.url)))) as listener,
    ):
        send(sender, listener.url)
        send(sender, listener.url)

    assert inside.connections == 0


@pytest.mark.parametrize(
    "url", ["http://2130706433/", "ftp://shop.example/", "http://user@shop.example/", "", "http://"]
)
def test_a_url_that_is_not_allowed_any_more_is_refused(sender: WebhookSender, url: str) -> None:
    outcome = send(sender, url)

    assert (outcome.status, outcome.error) == (None, "url_refused")


def test_loopback_is_refused_once_it_is_not_allowed(sender: WebhookSender, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = False

    with listening() as listener:
        outcome = send(sender, listener.url)

    assert outcome.error == "url_refused"
    assert listener.connections == 0


def test_nobody_listens(sender: WebhookSender) -> None:
    with listening() as gone:
        pass

    assert send(sender, gone.url).error == "connection_refused"
    assert send(sender, f"http://localhost:{gone.port}/").error == "connection_refused"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy, listening() as listener:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with WebhookSender() as sender:
            outcome = send(sender, listener.url)

    assert outcome.status == 200
    assert (proxy.connections, listener.connections) == (0, 1)


def _silent(_connection: Connection) -> None:
    time.sleep(3)


def _drip_headers(connection: Connection) -> None:
    connection.drip(response(200, "X-Slow: " + "a" * 200), every=0.05)


def _drip_body(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
    connection.drip(b"a" * 200, every=0.05)


def _drip_chunks(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(60):
        connection.drip(b"1\r\na\r\n", every=0.01)


def _drip_informational(connection: Connection) -> None:
    for _ in range(100):
        connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        time.sleep(0.03)


@pytest.mark.parametrize(
    "act", [_silent, _drip_headers, _drip_body, _drip_chunks, _drip_informational]
)
def test_the_whole_time_is_bounded_whatever_comes(act: Act) -> None:
    started = time.monotonic()

    outcome = sent_to(act)

    assert (outcome.status, outcome.error) == (None, "timeout")
    assert takes_about_the_timeout(started)
    assert TIMEOUT * 1_000 - 50 < outcome.duration_ms < (TIMEOUT + LATE) * 1_000


def test_a_receiver_that_reads_nothing_takes_no_longer(sender: WebhookSender) -> None:
    # Connected to by the kernel alone, which holds less than what is sent.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        outcome = send(sender, url, body=b"a" * 50_000_000)

    assert (outcome.status, outcome.error) == (None, "timeout")
    assert takes_about_the_timeout(started)


def test_a_failure_counts_though_its_body_takes_too_long() -> None:
    def act(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 200\r\nRetry-After: 7\r\n\r\nbusy")
        time.sleep(3)

    outcome = sent_to(act)

    assert (outcome.status, outcome.error, outcome.excerpt) == (503, None, "busy")
    assert outcome.retry_after_seconds == 7


def test_a_connection_that_was_too_slow_is_not_used_again(sender: WebhookSender) -> None:
    def act(connection: Connection) -> None:
        if connection.number == 1:
            time.sleep(TIMEOUT + 0.3)
        connection.send(response(200, body=str(connection.number).encode()))

    with listening(act) as listener:
        first, second = send(sender, listener.url), send(sender, listener.url)

    assert (first.error, second.status, second.excerpt) == ("timeout", 200, "2")
