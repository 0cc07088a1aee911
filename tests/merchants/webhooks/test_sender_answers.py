"""What counts as an answer, and how much of one is read."""

import gzip
import socket
import struct
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from merchants.webhooks.sender import Outcome, WebhookSender
from tests.merchants.webhooks.listeners import (
    Act,
    Connection,
    Listener,
    answer,
    answer_and_close,
    listening,
)
from tests.merchants.webhooks.one_sending import (
    LATE,
    TIMEOUT,
    response,
    send,
    sent_to,
)

pytestmark = pytest.mark.usefixtures("loopback_allowed")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_succeeds(status: int) -> None:
    outcome = sent_to(answer(response(status)))

    assert (outcome.status, outcome.error, outcome.succeeded) == (status, None, True)


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 429, 500, 503, 599, 999])
def test_nothing_else_succeeds(status: int) -> None:
    outcome = sent_to(answer(response(status)))

    assert (outcome.status, outcome.error, outcome.succeeded) == (status, None, False)


def test_to_change_the_protocol_is_no_success() -> None:
    outcome = sent_to(
        answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi")
    )

    assert not outcome.succeeded
    assert outcome.error in (None, "response_invalid", "timeout")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/9.9 nonsense\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"\x00" * 64 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http(data: bytes) -> None:
    outcome = sent_to(answer_and_close(data))

    assert (outcome.status, outcome.error) == (None, "response_invalid")


def test_one_that_closes_without_an_answer() -> None:
    outcome = sent_to(answer_and_close(b""))

    assert (outcome.status, outcome.error) == (None, "response_invalid")


@pytest.mark.parametrize("data", [b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_one_that_closes_within_the_headers(data: bytes) -> None:
    outcome = sent_to(answer_and_close(data))

    assert (outcome.status, outcome.error) == (None, "response_invalid")


def test_one_that_closes_within_a_success() -> None:
    outcome = sent_to(answer_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"))

    assert (outcome.status, outcome.error) == (None, "response_invalid")


def test_one_that_closes_within_a_failure() -> None:
    outcome = sent_to(answer_and_close(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno"))

    assert (outcome.status, outcome.error, outcome.excerpt) == (500, None, "no")


def test_one_that_resets_the_connection() -> None:
    def act(connection: Connection) -> None:
        # Lingering for no time: RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise ConnectionAbortedError

    outcome = sent_to(act)

    assert (outcome.status, outcome.error) == (None, "connection_failed")


def test_endless_headers_are_cut_off() -> None:
    def act(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n")
        for _ in range(50_000):
            connection.send(b"X-More: " + b"a" * 100 + b"\r\n")

    outcome = sent_to(act)

    assert (outcome.status, outcome.error) == (None, "response_invalid")


def _counted(sender: WebhookSender, act: Act) -> tuple[Outcome, Listener]:
    with listening(act) as listener:
        outcome = send(sender, listener.url)
        # Until the connection is known to be gone, and with it all that could still be sent.
        assert listener.ended.wait(10)
    return outcome, listener


def test_of_a_large_body_64_kib_are_read(sender: WebhookSender) -> None:
    size = 50_000_000

    def act(connection: Connection) -> None:
        connection.send(response(200)[:-2].replace(b": 0", b": %d" % size) + b"\r\n")
        connection.send(b"a" * size)

    outcome, listener = _counted(sender, act)

    assert (outcome.status, outcome.succeeded) == (200, True)
    assert outcome.excerpt == "a" * 1_000
    # What both kernels took before the connection was closed, a few MB at most, and then no more.
    assert listener.bytes_sent < 12_000_000


def test_of_an_endless_body_64_kib_are_read(sender: WebhookSender) -> None:
    def act(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.send(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")

    started = time.monotonic()
    outcome, listener = _counted(sender, act)

    assert (outcome.status, outcome.error) == (500, None)
    assert outcome.excerpt == "a" * 1_000
    assert time.monotonic() - started < TIMEOUT + LATE
    assert listener.bytes_sent < 12_000_000


def test_what_is_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * 20_000_000)
    assert len(bomb) < 65_536

    outcome = sent_to(answer(response(200, "Content-Encoding: gzip", body=bomb)))

    assert outcome.status == 200
    assert "0" * 20 not in outcome.excerpt
    assert len(outcome.excerpt) <= 1_000


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        (b"", ""),
        (b"a" * 999, "a" * 999),
        (b"a" * 1_001, "a" * 1_000),
        ("ü".encode() * 1_001, "ü" * 1_000),
        ("😀".encode() * 1_001, "😀" * 1_000),
        (b"a\x00b\x00", "ab"),
        (b"a\xff\xfeb", "a��b"),
        (b"a\xc3", "a�"),
        (b"\xed\xa0\x80", "���"),
        (b"card 4242424242424242 declined", "card [card number] declined"),
        (b"card 4242 4242 4242 4242.", "card [card number]."),
        (b"card 4242-4242-4242-4242.", "card [card number]."),
        (b"card 4242\x004242\x0042424242.", "card [card number]."),
        (b"order 4242424242424243", "order 4242424242424243"),
        # Cut after it was masked: the rest of a number is one, too.
        (b"a" * 995 + b"4242424242424242", "a" * 995 + "[card"),
        (b"\x00" * 3_990 + b"4242424242424242", "[card number]"),
    ],
)
def test_the_excerpt_of_a_body(body: bytes, excerpt: str) -> None:
    outcome = sent_to(answer(response(500, body=body)))

    assert outcome.excerpt == excerpt


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("00000000000000120", 120),
        ("86400", 86_400),
        ("86401", 86_400),
        ("9" * 40, 86_400),
        ("9" * 5_000, 86_400),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("", None),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86_400),
        ("Monday, 01-Jan-24 00:00:00 GMT", 0),
        ("Mon, 99 Jan 2024 99:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", None),
    ],
)
def test_retry_after(value: str, seconds: int | None) -> None:
    outcome = sent_to(answer(response(503, f"Retry-After: {value}")))

    assert (outcome.status, outcome.retry_after_seconds) == (503, seconds)


def test_retry_after_as_a_date() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    outcome = sent_to(answer(response(503, f"Retry-After: {moment}")))

    assert outcome.retry_after_seconds in (88, 89, 90)


def test_retry_after_that_is_not_ascii() -> None:
    raw = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: \xb2\xff\r\n\r\n"

    outcome = sent_to(answer(raw))

    assert (outcome.status, outcome.retry_after_seconds) == (503, None)
