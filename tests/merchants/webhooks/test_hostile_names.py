"""Names that lead inside: nothing is connected to, whatever the name server says and when."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpcore
import pytest

from merchants.webhooks import addresses, resolver
from merchants.webhooks.addresses import Address
from merchants.webhooks.sender import Outcome, WebhookSender
from tests.merchants.webhooks.dns_stub import (
    NXDOMAIN,
    SERVFAIL,
    SILENCE,
    Answer,
    DnsStub,
    answering,
)
from tests.merchants.webhooks.listeners import Listener, listening
from tests.merchants.webhooks.one_sending import TIMEOUT, takes_about_the_timeout

NAME = "hooks.shop.example"


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsStub]:
    settings.WEBHOOK_TIMEOUT_SECONDS = TIMEOUT
    # As in production.
    settings.WEBHOOK_ALLOW_LOOPBACK = False
    with answering() as stub:
        settings.WEBHOOK_DNS_SERVERS = [stub.server]
        yield stub


@pytest.fixture
def inside() -> Iterator[Listener]:
    """What a name that leads inside would reach: it must see nobody."""
    with listening() as listener:
        yield listener


@pytest.fixture
def only_127_0_0_2_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the public Internet, which tests can't listen on: one address of loopback.
    That 127.0.0.1 is refused all the same is the product's own check of it."""

    def is_public(address: Address) -> bool:
        return str(address) == "127.0.0.2" or addresses.is_public(address)

    monkeypatch.setattr(resolver, "is_public", is_public)


def _send(sender: WebhookSender, port: int, *, environment: str = "test") -> Outcome:
    return sender.send(
        url=f"http://{NAME}:{port}/hooks", environment=environment, headers={}, body=b"{}"
    )


def _sent(port: int) -> Outcome:
    with WebhookSender() as sender:
        return _send(sender, port)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(a=("127.0.0.1",)),
        Answer(a=("127.0.0.2",)),
        Answer(a=("0.0.0.0",)),  # noqa: S104
        Answer(a=("10.0.0.1",)),
        Answer(a=("172.16.0.1",)),
        Answer(a=("192.168.0.1",)),
        Answer(a=("100.64.0.1",)),
        Answer(a=("169.254.169.254",)),
        Answer(a=("168.63.129.16",)),
        Answer(a=("100.100.100.200",)),
        Answer(a=("224.0.0.1",)),
        Answer(a=("255.255.255.255",)),
        Answer(aaaa=("::1",)),
        Answer(aaaa=("::",)),
        Answer(aaaa=("::ffff:127.0.0.1",)),
        Answer(aaaa=("::ffff:8.8.8.8",)),
        Answer(aaaa=("::127.0.0.1",)),
        Answer(aaaa=("64:ff9b::7f00:1",)),
        Answer(aaaa=("64:ff9b:1::7f00:1",)),
        Answer(aaaa=("2002:7f00:1::1",)),
        Answer(aaaa=("2001:0:4136:e378:8000:63bf:80ff:fffe",)),
        Answer(aaaa=("2001:4860::5efe:127.0.0.1",)),
        Answer(aaaa=("fe80::1",)),
        Answer(aaaa=("fd00:ec2::254",)),
        Answer(aaaa=("fec0::1",)),
        Answer(aaaa=("ff02::1",)),
    ],
    ids=lambda answer: "".join(answer.a + answer.aaaa),
)
def test_a_name_that_leads_inside_is_not_connected_to(
    dns: DnsStub, inside: Listener, answer: Answer
) -> None:
    dns.set(NAME, answer)

    outcome = _sent(inside.port)

    assert (outcome.status, outcome.error) == (None, "address_refused")
    assert inside.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(a=("127.0.0.2", "127.0.0.1")),
        Answer(a=("127.0.0.1", "127.0.0.2")),
        Answer(a=("127.0.0.2",), aaaa=("::1",)),
        Answer(a=("127.0.0.2",), aaaa=("::ffff:127.0.0.1",)),
        Answer(a=("127.0.0.2", "10.0.0.1")),
    ],
)
def test_one_address_inside_has_all_refused(
    dns: DnsStub, inside: Listener, only_127_0_0_2_is_public: None, answer: Answer
) -> None:
    dns.set(NAME, answer)

    with listening(address="127.0.0.2", port=inside.port) as public:
        outcome = _sent(inside.port)

    assert outcome.error == "address_refused"
    assert (inside.connections, public.connections) == (0, 0)


def test_a_chain_of_names_that_ends_inside_is_not_connected_to(
    dns: DnsStub, inside: Listener
) -> None:
    dns.set(NAME, Answer(cname="a.cdn.example"))
    dns.set("a.cdn.example", Answer(cname="localhost"))
    dns.set("localhost", Answer(a=("127.0.0.1",), aaaa=("::1",)))

    outcome = _sent(inside.port)

    assert outcome.error == "address_refused"
    assert inside.connections == 0


def test_a_truncated_answer_that_leads_inside_is_not_connected_to(
    dns: DnsStub, inside: Listener
) -> None:
    dns.set(NAME, Answer(a=("127.0.0.1",), is_truncated=True))

    outcome = _sent(inside.port)

    assert outcome.error == "address_refused"
    assert {question.over for question in dns.questions} == {"udp", "tcp"}
    assert inside.connections == 0


def test_exactly_the_address_that_was_checked_is_connected_to(
    dns: DnsStub, inside: Listener, only_127_0_0_2_is_public: None
) -> None:
    # The name leads elsewhere at the second question: whoever asked again to connect, as a plain
    # HTTP client does, would come to 127.0.0.1.
    dns.set(NAME, Answer(a=("127.0.0.2",)), Answer(a=("127.0.0.1",)))

    with listening(address="127.0.0.2", port=inside.port) as public:
        outcome = _sent(inside.port)

    assert (outcome.status, outcome.error) == (200, None)
    assert public.connections == 1
    assert inside.connections == 0
    assert dns.asked(NAME) == ["A", "AAAA"]
    assert f"\r\nHost: {NAME}:{inside.port}\r\n".encode() in public.requests[0]


def test_a_name_is_asked_for_and_checked_at_each_connection(
    dns: DnsStub, inside: Listener, only_127_0_0_2_is_public: None
) -> None:
    dns.set(NAME, Answer(a=("127.0.0.2",)), Answer(a=("127.0.0.1",)))

    with (
        listening(address="127.0.0.2", port=inside.port) as public,
        WebhookSender() as sender,
    ):
        # The first three by one connection, for which the name was asked for once.
        before = [_send(sender, inside.port).status for _ in range(3)]
        asked = dns.asked(NAME)
        after = _sent(inside.port)

    assert before == [200, 200, 200]
    assert asked == ["A", "AAAA"]
    assert after.error == "address_refused"
    assert (public.connections, inside.connections) == (1, 0)


def test_what_a_proxy_would_be_told_is_told_to_nobody(
    dns: DnsStub,
    inside: Listener,
    only_127_0_0_2_is_public: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    dns.set(NAME, Answer(a=("127.0.0.2",)))

    with listening(address="127.0.0.2") as public:
        outcome = _sent(public.port)

    assert outcome.status == 200
    assert (public.connections, inside.connections) == (1, 0)


@pytest.mark.parametrize("answer", [NXDOMAIN, SERVFAIL, Answer()], ids=["none", "fails", "empty"])
def test_a_name_that_leads_nowhere(dns: DnsStub, inside: Listener, answer: Answer) -> None:
    dns.set(NAME, answer)

    outcome = _sent(inside.port)

    assert (outcome.status, outcome.error) == (None, "name_not_resolved")
    assert inside.connections == 0


def test_a_silent_name_server_takes_no_more_than_the_whole_time(
    dns: DnsStub, inside: Listener
) -> None:
    dns.set(NAME, SILENCE)
    started = time.monotonic()

    outcome = _sent(inside.port)

    assert outcome.error == "name_not_resolved"
    assert takes_about_the_timeout(started)
    assert TIMEOUT * 1_000 - 50 < outcome.duration_ms < TIMEOUT * 1_000 + 500
    assert inside.connections == 0


@pytest.mark.parametrize("environment", ["live", "test"])
def test_where_loopback_is_allowed_only_test_mode_reaches_it(
    dns: DnsStub, inside: Listener, settings: Any, environment: str
) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    dns.set(NAME, Answer(a=("127.0.0.1",)))
    scheme = "http" if environment == "test" else "https"

    with WebhookSender() as sender:
        outcome = sender.send(
            url=f"{scheme}://{NAME}:{inside.port}/", environment=environment, headers={}, body=b""
        )

    assert outcome.error == (None if environment == "test" else "address_refused")
    assert inside.connections == (1 if environment == "test" else 0)


def test_where_loopback_is_allowed_the_rest_of_inside_is_not(
    dns: DnsStub, inside: Listener, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True

    for answer in (
        Answer(a=("127.0.0.1", "10.0.0.1")),
        Answer(a=("169.254.169.254",)),
        Answer(aaaa=("::ffff:127.0.0.1",)),
        Answer(a=("0.0.0.0",)),  # noqa: S104
    ):
        dns.set(NAME, answer)
        assert _sent(inside.port).error == "address_refused"

    assert inside.connections == 0


def test_of_a_flood_of_addresses_only_a_few_are_tried(
    dns: DnsStub, inside: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Loopback as public: 40 addresses where nobody listens on this port.
    monkeypatch.setattr(resolver, "is_public", lambda address: str(address) != "127.0.0.1")
    dns.set(NAME, Answer(a=tuple(f"127.0.1.{number}" for number in range(1, 41))))
    tried = []
    connect = httpcore.SyncBackend.connect_tcp

    def counted(self: Any, host: str, *arguments: Any, **options: Any) -> Any:
        tried.append(host)
        return connect(self, host, *arguments, **options)

    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", counted)

    outcome = _sent(inside.port)

    assert outcome.error == "connection_refused"
    assert len(tried) == 4
    assert inside.connections == 0


def test_the_next_address_is_tried_where_the_first_refuses(
    dns: DnsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "is_public", lambda _address: True)
    dns.set(NAME, Answer(a=("127.0.0.3", "127.0.0.2")))

    with listening(address="127.0.0.2") as public:
        outcomes = [_sent(public.port) for _ in range(3)]

    assert [outcome.status for outcome in outcomes] == [200, 200, 200]
    assert public.connections == 3


def test_a_dead_first_address_leaves_time_for_the_next(
    dns: DnsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "is_public", lambda _address: True)
    dns.set(NAME, Answer(a=("127.0.0.3", "127.0.0.2")))

    with listening(address="127.0.0.2") as public, ExitStack() as filling:
        # A queue of one that is full: the kernel leaves whoever comes next unanswered.
        dead = filling.enter_context(socket.create_server(("127.0.0.3", public.port), backlog=0))
        for _ in range(2):
            waiting = filling.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(dead.getsockname())
        outcome = _sent(public.port)

    assert (outcome.status, outcome.error) == (200, None)
    assert TIMEOUT * 1_000 / 2 - 50 < outcome.duration_ms < TIMEOUT * 1_000


def test_of_several_failures_the_first_address_s_is_told(
    dns: DnsStub, inside: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many hosts have no way to IPv6, which says nothing of the receiver.
    monkeypatch.setattr(resolver, "is_public", lambda _address: True)
    dns.set(NAME, Answer(a=("127.0.0.3",), aaaa=("2001:db8::1",)))

    assert _sent(inside.port).error == "connection_refused"
