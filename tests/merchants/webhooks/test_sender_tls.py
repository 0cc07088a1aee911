"""Sending over TLS: only to who has a certificate for the endpoint's name, by a known authority."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from merchants.webhooks import resolver
from merchants.webhooks.sender import WebhookSender
from tests.merchants.webhooks.certificates import Authority
from tests.merchants.webhooks.dns_stub import Answer, DnsStub, answering
from tests.merchants.webhooks.listeners import Connection, answer_and_close, listening
from tests.merchants.webhooks.one_sending import send, takes_about_the_timeout

pytestmark = pytest.mark.usefixtures("loopback_allowed")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsStub]:
    with answering() as stub:
        settings.WEBHOOK_DNS_SERVERS = [stub.server]
        yield stub


def test_a_certificate_for_the_name(authority: Authority) -> None:
    with (
        listening(context=authority.server("localhost")) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        outcomes = [send(sender, f"https://localhost:{listener.port}/hooks") for _ in range(3)]

    assert [(outcome.status, outcome.error) for outcome in outcomes] == [(200, None)] * 3
    assert listener.server_name == "localhost"
    assert f"\r\nHost: localhost:{listener.port}\r\n".encode() in listener.requests[0]
    assert listener.connections == 1


def test_name_and_host_are_the_endpoint_s_and_not_the_address_s(
    authority: Authority, dns: DnsStub
) -> None:
    dns.set("hooks.shop.example", Answer(a=("127.0.0.1",)))

    with (
        listening(context=authority.server("hooks.shop.example")) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        outcome = send(sender, f"https://Hooks.Shop.example:{listener.port}/")

    assert (outcome.status, outcome.error) == (200, None)
    assert listener.server_name == "hooks.shop.example"
    assert f"\r\nHost: hooks.shop.example:{listener.port}\r\n".encode() in listener.requests[0]


def test_live_mode_sends_over_tls(
    authority: Authority, dns: DnsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in for the public Internet, which tests can't listen on.
    monkeypatch.setattr(resolver, "is_public", lambda address: str(address) == "127.0.0.2")
    dns.set("hooks.shop.example", Answer(a=("127.0.0.2",)))

    with (
        listening(address="127.0.0.2", context=authority.server("hooks.shop.example")) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        url = f"https://hooks.shop.example:{listener.port}/"
        outcome = sender.send(url=url, environment="live", headers={}, body=b"{}")

    assert (outcome.status, outcome.error) == (200, None)
    assert listener.server_name == "hooks.shop.example"


def test_a_certificate_for_an_address(authority: Authority) -> None:
    with (
        listening(context=authority.server("127.0.0.1")) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        outcome = send(sender, f"https://127.0.0.1:{listener.port}/")

    assert (outcome.status, outcome.error) == (200, None)


@pytest.mark.parametrize(
    ("host", "days"),
    [("shop.example", 1), ("127.0.0.1", 1), ("localhost.shop.example", 1), ("localhost", -1)],
    ids=["another name", "the address", "a name below", "expired"],
)
def test_a_certificate_that_is_not_for_the_name_or_not_any_more(
    authority: Authority, host: str, days: int
) -> None:
    with (
        listening(context=authority.server(host, days=days)) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        outcome = send(sender, f"https://localhost:{listener.port}/")

    assert (outcome.status, outcome.error) == (None, "tls_failed")
    assert listener.requests == []


def test_an_authority_that_is_not_known(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)

    with listening(context=stranger.server("localhost")) as listener:
        url = f"https://localhost:{listener.port}/"
        with WebhookSender(ssl_context=authority.trusted()) as sender:
            outcome = send(sender, url)
        # Whom the system trusts.
        with WebhookSender() as sender:
            by_default = send(sender, url)

    assert (outcome.error, by_default.error) == ("tls_failed", "tls_failed")
    assert listener.requests == []


def test_one_that_greets_in_plain_text(authority: Authority) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as greeter,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):

        def greet() -> None:
            client, _ = greeter.accept()
            with client:
                client.sendall(b"220 mail.shop.example ESMTP\r\n")
                client.recv(1)

        greeting = threading.Thread(target=greet)
        greeting.start()
        outcome = send(sender, f"https://localhost:{greeter.getsockname()[1]}/")
        greeting.join()

    assert (outcome.status, outcome.error) == (None, "tls_failed")


def test_one_that_speaks_no_tls_and_waits(authority: Authority) -> None:
    with (
        listening(answer_and_close(b"HTTP/1.1 200 OK\r\n\r\n")) as plain,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        started = time.monotonic()
        outcome = send(sender, f"https://localhost:{plain.port}/")

    # Our hello is no request to it, and it waits for one.
    assert (outcome.status, outcome.error) == (None, "timeout")
    assert takes_about_the_timeout(started)


def test_one_that_drips_over_tls_takes_no_more_than_the_whole_time(authority: Authority) -> None:
    def act(connection: Connection) -> None:
        connection.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 200, every=0.05)

    with (
        listening(act, context=authority.server("localhost")) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        started = time.monotonic()
        outcome = send(sender, f"https://localhost:{listener.port}/")

    assert (outcome.status, outcome.error) == (None, "timeout")
    assert takes_about_the_timeout(started)


def test_a_connection_that_was_closed_meanwhile_is_replaced(authority: Authority) -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with (
        listening(answer_and_close(data), context=authority.server("localhost")) as listener,
        WebhookSender(ssl_context=authority.trusted()) as sender,
    ):
        outcomes = [send(sender, f"https://localhost:{listener.port}/") for _ in range(3)]

    assert [outcome.status for outcome in outcomes] == [200, 200, 200]
    assert listener.connections == 3
