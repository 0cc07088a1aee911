"""Names are asked for by ourselves, of a real server on loopback."""

import math
import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from merchants.webhooks.resolver import AddressRefused, NameNotResolved, checked_addresses
from payments_project.socket_addresses import SocketAddress, parse_socket_address
from tests.merchants.webhooks.dns_stub import (
    NXDOMAIN,
    SERVFAIL,
    SILENCE,
    Answer,
    DnsStub,
    answering,
)

NAME = "hooks.shop.example"
PUBLIC = Answer(a=("8.8.8.8",), aaaa=("2606:4700::1111",))


@pytest.fixture
def dns(settings: Any) -> Iterator[DnsStub]:
    with answering() as stub:
        settings.WEBHOOK_DNS_SERVERS = [stub.server]
        yield stub


def _addresses(host: str, *, seconds: float = 2.0, with_loopback: bool = False) -> list[str]:
    found = checked_addresses(host, seconds=seconds, with_loopback=with_loopback)
    return [str(address) for address in found]


def test_a_name_leads_to_all_its_addresses_ipv4_first(dns: DnsStub) -> None:
    dns.set(NAME, Answer(a=("8.8.8.8", "1.1.1.1"), aaaa=("2606:4700::1111",)))

    found = _addresses(NAME)

    assert found == ["8.8.8.8", "1.1.1.1", "2606:4700::1111"]
    assert dns.asked(NAME) == ["A", "AAAA"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(a=("8.8.8.8",)), ["8.8.8.8"]),
        (Answer(aaaa=("2606:4700::1111",)), ["2606:4700::1111"]),
    ],
)
def test_one_kind_of_address_is_enough(dns: DnsStub, answer: Answer, expected: list[str]) -> None:
    dns.set(NAME, answer)

    assert _addresses(NAME) == expected


@pytest.mark.parametrize("broken", [SERVFAIL, SILENCE], ids=["fails", "is silent"])
def test_a_server_that_knows_one_kind_alone_will_do(
    dns: DnsStub, broken: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merchants.webhooks.resolver._KINDS", (("A", math.inf), ("AAAA", 0.3)))
    dns.set(NAME, Answer(a=("8.8.8.8",)))
    dns.broken["AAAA"] = broken

    assert _addresses(NAME) == ["8.8.8.8"]


def test_what_is_inside_is_refused_though_the_other_kind_is_not_known(dns: DnsStub) -> None:
    dns.set(NAME, Answer(aaaa=("fd00::1",)))
    dns.broken["A"] = SERVFAIL

    with pytest.raises(AddressRefused):
        _addresses(NAME)


def test_a_server_that_is_silent_leaves_time_for_the_next(dns: DnsStub, settings: Any) -> None:
    dns.set(NAME, PUBLIC)
    with answering() as silent:
        silent.set(NAME, SILENCE)
        settings.WEBHOOK_DNS_SERVERS = [silent.server, dns.server]

        found = _addresses(NAME, seconds=10.0)

    assert found == ["8.8.8.8", "2606:4700::1111"]


def test_a_name_is_asked_for_each_time(dns: DnsStub) -> None:
    dns.set(NAME, Answer(a=("8.8.8.8",)), Answer(a=("1.1.1.1",)))

    assert _addresses(NAME) == ["8.8.8.8"]
    assert _addresses(NAME) == ["1.1.1.1"]
    assert dns.asked(NAME) == ["A", "AAAA", "A", "AAAA"]


def test_a_chain_of_names_is_followed_to_its_end(dns: DnsStub) -> None:
    dns.set(NAME, Answer(cname="shops.cdn.example"))
    dns.set("shops.cdn.example", Answer(cname="edge.cdn.example"))
    dns.set("edge.cdn.example", PUBLIC)

    assert _addresses(NAME) == ["8.8.8.8", "2606:4700::1111"]


def test_a_truncated_answer_is_asked_for_over_tcp(dns: DnsStub) -> None:
    dns.set(NAME, Answer(a=("8.8.8.8",), is_truncated=True))

    assert _addresses(NAME) == ["8.8.8.8"]
    assert [question.over for question in dns.questions] == ["udp", "tcp", "udp", "tcp"]


def test_what_comes_over_tcp_is_checked_too(dns: DnsStub) -> None:
    many = tuple(f"8.8.{number // 250}.{number % 250}" for number in range(600))
    dns.set(NAME, Answer(a=(*many, "10.0.0.1"), is_truncated=True))

    with pytest.raises(AddressRefused):
        _addresses(NAME)


@pytest.mark.parametrize("answer", [NXDOMAIN, SERVFAIL, Answer(), Answer(cname="nowhere.example")])
def test_a_name_without_an_address_is_not_resolved(dns: DnsStub, answer: Answer) -> None:
    dns.set(NAME, answer)

    with pytest.raises(NameNotResolved):
        _addresses(NAME, seconds=0.5)


def test_names_that_lead_in_a_circle_are_not_resolved(dns: DnsStub) -> None:
    dns.set(NAME, Answer(cname="other.shop.example"))
    dns.set("other.shop.example", Answer(cname=NAME))

    with pytest.raises(NameNotResolved):
        _addresses(NAME, seconds=0.5)


@pytest.mark.parametrize(
    "answers",
    [(SILENCE,), (Answer(aaaa=("2606:4700::1111",)), SILENCE)],
    ids=["at once", "at the second question"],
)
def test_silence_ends_when_the_time_is_over(dns: DnsStub, answers: tuple[Answer, ...]) -> None:
    dns.set(NAME, *answers)
    if len(answers) > 1:
        _addresses(NAME)
    started = time.monotonic()

    with pytest.raises(NameNotResolved):
        _addresses(NAME, seconds=0.4)

    assert 0.35 < time.monotonic() - started < 0.9


def test_nobody_who_listens_is_no_address(settings: Any) -> None:
    with answering() as gone:
        settings.WEBHOOK_DNS_SERVERS = [gone.server]

    with pytest.raises(NameNotResolved):
        _addresses(NAME, seconds=0.3)


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111"])
def test_an_address_is_not_asked_for(dns: DnsStub, host: str) -> None:
    assert _addresses(host) == [host]
    assert dns.questions == []


def test_localhost_is_not_asked_for_and_is_loopback(dns: DnsStub) -> None:
    dns.set("localhost", PUBLIC)

    assert _addresses("localhost", with_loopback=True) == ["127.0.0.1", "::1"]
    with pytest.raises(AddressRefused):
        _addresses("localhost")
    assert dns.questions == []


def test_names_are_absolute(dns: DnsStub) -> None:
    with pytest.raises(NameNotResolved):
        _addresses(NAME)

    assert {question.name for question in dns.questions} == {NAME}


def test_each_server_has_its_own_port(dns: DnsStub, settings: Any) -> None:
    dns.set(NAME, PUBLIC)
    with answering() as silent:
        silent.set(NAME, SERVFAIL)
        settings.WEBHOOK_DNS_SERVERS = [silent.server, dns.server]

        assert _addresses(NAME) == ["8.8.8.8", "2606:4700::1111"]

        assert silent.asked(NAME)
        assert dns.asked(NAME)


def test_other_servers_are_asked_once_the_setting_is_another(dns: DnsStub, settings: Any) -> None:
    dns.set(NAME, PUBLIC)
    _addresses(NAME)
    with answering() as other:
        other.set(NAME, Answer(a=("1.1.1.1",)))
        settings.WEBHOOK_DNS_SERVERS = [other.server]

        assert _addresses(NAME) == ["1.1.1.1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53:53", SocketAddress("192.0.2.53", 53)),
        (" 192.0.2.53:5353 ", SocketAddress("192.0.2.53", 5353)),
        ("[2001:db8::53]:53", SocketAddress("2001:db8::53", 53)),
        ("[::1]:65535", SocketAddress("::1", 65_535)),
    ],
)
def test_a_server_is_an_address_and_a_port(text: str, expected: SocketAddress) -> None:
    assert parse_socket_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":53",
        "53",
        "192.0.2.53",
        "192.0.2.53:",
        "192.0.2.53:0",
        "192.0.2.53:65536",
        "192.0.2.53:dns",
        "192.0.2.53:５３",
        "192.0.2.53:-1",
        "[192.0.2.53]:53",
        "2001:db8::53",
        "2001:db8::53:53",
        "[2001:db8::53]",
        "[2001:db8::53:53",
        "dns.example:53",
        "https://dns.example/query",
    ],
)
def test_what_is_no_server_says_so(settings: Any, text: str) -> None:
    settings.WEBHOOK_DNS_SERVERS = [text]

    with pytest.raises(ValueError, match=r"."):
        parse_socket_address(text)
    with pytest.raises(ValueError, match=r"."):
        _addresses(NAME)


def test_an_ipv6_server_is_asked(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not every machine has IPv6, so that who would be asked is looked at where dnspython asks.
    asked = []

    def udp(_query: Any, where: str, **options: Any) -> None:
        asked.append((where, options["port"]))
        raise OSError

    monkeypatch.setattr("dns.query.udp", udp)
    settings.WEBHOOK_DNS_SERVERS = ["[::1]:5300", "192.0.2.53:5301"]

    with pytest.raises(NameNotResolved):
        _addresses(NAME, seconds=0.3)

    assert set(asked) == {("::1", 5300), ("192.0.2.53", 5301)}


def test_addresses_are_compared_as_addresses(dns: DnsStub) -> None:
    dns.set(NAME, Answer(aaaa=("2606:4700:0:0:0:0:0:1111",)))

    found = checked_addresses(NAME, seconds=1, with_loopback=False)

    assert found == [ip_address("2606:4700::1111")]
