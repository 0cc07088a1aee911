"""Sending one webhook: to an address that was checked, within a time, whatever the receiver does."""

import functools
import logging
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from merchants.webhooks.resolver import AddressRefused, NameNotResolved, checked_addresses
from merchants.webhooks.urls import allows_loopback, require_webhook_url
from payments_project.card_numbers import mask_card_numbers
from payments_project.errors import InvalidInput

logger = logging.getLogger(__name__)

RESPONSE_BYTES_MAX = 65_536
EXCERPT_CHARACTERS = 1_000
RETRY_AFTER_MAX = 86_400
WRITE_BYTES_MAX = 16_384
USER_AGENT = "payment-service-webhooks/1"

# Of a host's addresses, which are its own choice, so many are tried.
ADDRESSES_TRIED_MAX = 4

# The first that fits names the outcome.
_ERRORS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (InvalidInput, "url_refused"),
    (AddressRefused, "address_refused"),
    (NameNotResolved, "name_not_resolved"),
    ((httpcore.TimeoutException, TimeoutError), "timeout"),
    (ssl.SSLError, "tls_failed"),
    (ConnectionRefusedError, "connection_refused"),
    (httpcore.RemoteProtocolError, "response_invalid"),
    ((httpcore.NetworkError, OSError), "connection_failed"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending: an answer's ``status``, or else ``error``, a short stable code.

    ``excerpt`` is the beginning of the answer's body; ``duration_ms`` all the time that it took;
    ``retry_after_seconds`` what the receiver asked for, at most a day.
    """

    status: int | None
    error: str | None
    excerpt: str
    duration_ms: int
    retry_after_seconds: int | None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class WebhookSender:
    """Sends to one endpoint, over a connection that stays open in between. A context manager.

    A connection goes only to an address that was checked a moment before; redirects are not
    followed, proxies and cookies not used. One that the receiver closed in between is replaced, and
    what was being sent is sent once more, unless there was any answer. ``WEBHOOK_TIMEOUT_SECONDS``
    is the time for all of it: finding the address, connecting, sending, and reading the answer, of
    which 64 KiB are read.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._backend = _CheckedNetwork()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or _trusted(),
            max_connections=1,
            keepalive_expiry=30.0,
            network_backend=self._backend,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.close()

    def send(
        self, *, url: str, environment: str, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """POSTs ``body``; what came of it. Never raises for what the network or the receiver does."""
        started = time.monotonic()
        status, error, content = None, None, b""
        answered: dict[bytes, bytes] = {}
        try:
            target = require_webhook_url(url, environment=environment)
            self._backend.begin(
                deadline=started + settings.WEBHOOK_TIMEOUT_SECONDS,
                with_loopback=allows_loopback(environment),
            )
            status, answered, content = self._post_anew(target, headers, body)
        except Exception as failure:
            error = _code_of(failure)
        return Outcome(
            status=status,
            error=error,
            excerpt=_excerpt(content),
            duration_ms=round((time.monotonic() - started) * 1_000),
            retry_after_seconds=_retry_after(answered.get(b"retry-after")),
        )

    def _post_anew(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """``_post``, once more where the receiver closed an idle connection just when it was used
        again, or had left on it what is no answer to this. Whether it took the request before
        can't be known; it knows it by its id."""
        try:
            return self._post(url, headers, body)
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            if not self._backend.is_unanswered_on_old_connection:
                raise
        return self._post(url, headers, body)

    def _post(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        sent = {
            "Host": urlsplit(url).netloc,
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            # What is not asked for can't be a bomb; nothing is unpacked in any case.
            "Accept-Encoding": "identity",
            "Content-Length": str(len(body)),
            **headers,
        }
        parts = urlsplit(url)
        with self._pool.stream(
            "POST",
            # Not the text: httpcore would leave out a path's parameters (``/hooks;v=1``).
            httpcore.URL(
                scheme=parts.scheme,
                host=parts.hostname or "",
                port=parts.port,
                target=parts.path + (f"?{parts.query}" if parts.query else ""),
            ),
            headers=list(sent.items()),
            content=body,
            extensions={"timeout": self._backend.timeouts()},
        ) as response:
            if self._backend.is_unanswered_on_old_connection:
                # It lay ready behind the answer before, and answers nothing that was asked.
                raise httpcore.RemoteProtocolError
            status = response.status
            answered = {name.lower(): value for name, value in response.headers}
            content = b""
            try:
                for chunk in response.iter_stream():
                    content += chunk
                    # The rest is not read: the connection is closed then.
                    if len(content) >= RESPONSE_BYTES_MAX:
                        break
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
                # The answer counts, though its body broke off or took too long.
                if not 200 <= status < 300:
                    return status, answered, content
                raise
        return status, answered, content


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and gives every step what is left of the time."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()
        self._deadline = 0.0
        self._with_loopback = False
        self.is_unanswered_on_old_connection = True

    def begin(self, *, deadline: float, with_loopback: bool) -> None:
        """What holds for the next request."""
        self._deadline, self._with_loopback = deadline, with_loopback
        self.is_unanswered_on_old_connection = True

    def left(self) -> float:
        """Seconds. Raises ``httpcore.ReadTimeout`` when they are over."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds

    def timeouts(self) -> dict[str, float]:
        """For the pool, whose own would begin anew with each step."""
        return dict.fromkeys(("connect", "read", "write", "pool"), self.left())

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Tries the addresses of ``host`` in turn, each with its share of the time that is left.
        Raises what the first of them raised: the others may be of a kind (IPv6) that this host has
        no way to."""
        self.is_unanswered_on_old_connection = False
        found = checked_addresses(host, seconds=self.left(), with_loopback=self._with_loopback)
        tried = found[:ADDRESSES_TRIED_MAX]
        failures: list[Exception] = []
        for place, address in enumerate(tried):
            try:
                stream = self._network.connect_tcp(
                    str(address),
                    port,
                    timeout=self.left() / (len(tried) - place),
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failures.append(error)
            else:
                return _TimedStream(stream, self)
        raise failures[0]

    def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Never asked for."""
        raise AddressRefused

    def sleep(self, seconds: float) -> None:
        """Between tries of the pool, of which there are none."""
        time.sleep(min(seconds, self.left()))


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every read and write has what is left of the request's time: one that
    drips would else begin a new time with every byte."""

    def __init__(self, stream: httpcore.NetworkStream, network: _CheckedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, timeout=self._network.left())
        if data:
            self._network.is_unanswered_on_old_connection = False
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Piece by piece: within one write, each send to the socket would begin the time anew.
        for start in range(0, len(buffer), WRITE_BYTES_MAX):
            piece = buffer[start : start + WRITE_BYTES_MAX]
            self._stream.write(piece, timeout=self._network.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(
            ssl_context, server_hostname=server_hostname, timeout=self._network.left()
        )
        return _TimedStream(secured, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The system's certificate authorities, read once: it takes tens of milliseconds."""
    return ssl.create_default_context()


def _code_of(failure: BaseException) -> str:
    """By the error and those behind it."""
    chain: list[BaseException] = []
    error: BaseException | None = failure
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for kinds, code in _ERRORS:
        if any(isinstance(error, kinds) for error in chain):
            return code
    # One of ours, most likely.
    logger.error("a webhook could not be sent", exc_info=failure)
    return "connection_failed"


def _excerpt(content: bytes) -> str:
    """The beginning as text that PostgreSQL takes, without what looks like a card number."""
    text = content.decode(errors="replace").replace("\x00", "")
    # Masked before it is cut, so that no half of a number is left.
    return mask_card_numbers(text[: EXCERPT_CHARACTERS * 4])[:EXCERPT_CHARACTERS]


def _retry_after(value: bytes | None) -> int | None:
    """Seconds or a date (RFC 9110, 10.2.3); None for what is neither."""
    text = (value or b"").decode("ascii", errors="replace").strip()
    if text.isdigit():
        return min(int(text.lstrip("0")[:10] or "0"), RETRY_AFTER_MAX)
    try:
        moment = parsedate_to_datetime(text)
    # The latter for a year or a zone that no integer holds.
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return max(0, min(round(seconds), RETRY_AFTER_MAX))
