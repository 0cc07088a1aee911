"""Counting proxies: what a process says to PostgreSQL and to Redis, told from the wire itself.

Used for a few requests one after the other, never in a measured phase. A pipeline is one round
trip, however many statements it holds.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

_RECEIVE_BYTES = 65536
_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104


class Listener(Protocol):
    """Follows one connection."""

    def client_said(self, data: bytes) -> None: ...

    def server_said(self, data: bytes) -> None: ...


@dataclass(slots=True)
class Conversation:
    """What was said since the last ``clear``, on all connections of a proxy."""

    round_trips: int = 0
    transactions: int = 0
    statements: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        with self.lock:
            self.round_trips = self.transactions = 0
            self.statements.clear()


class PostgresListener:
    """Reads PostgreSQL's protocol 3: executed statements by their text, and transactions' ends.

    A round trip is a ReadyForQuery: the server sends one for each simple query and for each Sync,
    so a pipeline gets one. A transaction is one that says "idle" after something was executed: an
    explicit transaction counts once, a statement in autocommit once.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._from_client = bytearray()
        self._from_server = bytearray()
        self._greeted = False
        self._answers_without_type = 0
        self._texts: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._executed = False

    def client_said(self, data: bytes) -> None:
        self._from_client += data
        while not self._greeted:
            if len(self._from_client) < 8:
                return
            length = int.from_bytes(self._from_client[:4], "big")
            code = int.from_bytes(self._from_client[4:8], "big")
            if len(self._from_client) < length:
                return
            del self._from_client[:length]
            if code in (_SSL_REQUEST, _GSS_REQUEST):
                self._answers_without_type += 1
            else:
                self._greeted = True
        for kind, body in _messages(self._from_client):
            self._client_message(kind, body)

    def server_said(self, data: bytes) -> None:
        self._from_server += data
        while self._answers_without_type and self._from_server:
            del self._from_server[:1]
            self._answers_without_type -= 1
        for kind, body in _messages(self._from_server):
            if kind == b"Z":
                ended = body == b"I" and self._executed
                self._executed = self._executed and not ended
                with self._conversation.lock:
                    self._conversation.round_trips += 1
                    self._conversation.transactions += ended

    def _client_message(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, text = body.split(b"\0", 2)[:2]
            self._texts[name] = _one_line(text)
        elif kind == b"B":
            portal, name = body.split(b"\0", 2)[:2]
            self._portals[portal] = self._texts.get(name, "?")
        elif kind == b"E":
            self._note(self._portals.get(body.split(b"\0", 1)[0], "?"))
        elif kind == b"Q":
            self._note(_one_line(body.rstrip(b"\0")))

    def _note(self, text: str) -> None:
        self._executed = True
        with self._conversation.lock:
            self._conversation.statements.append(text)


class RedisListener:
    """Reads Redis's protocol: commands by their name, and round trips.

    A client waits for its answer before it speaks again, so whatever it says between two answers
    is one round trip.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._from_client = bytearray()
        self._client_spoke_last = False

    def client_said(self, data: bytes) -> None:
        if not self._client_spoke_last:
            self._client_spoke_last = True
            with self._conversation.lock:
                self._conversation.round_trips += 1
        self._from_client += data
        while (command := _redis_command(self._from_client)) is not None:
            with self._conversation.lock:
                self._conversation.statements.append(command)

    def server_said(self, data: bytes) -> None:
        self._client_spoke_last = False


@contextmanager
def counting_proxy(
    port: int, listener: Callable[[Conversation], Listener]
) -> Iterator[tuple[int, Conversation]]:
    """A proxy to a port of this machine, until the block ends; its own port and what it hears."""
    conversation = Conversation()
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(
        target=_accept, args=(server, port, listener, conversation), daemon=True
    ).start()
    try:
        yield server.getsockname()[1], conversation
    finally:
        # Wakes accept(), which close() alone would not.
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def _accept(
    server: socket.socket,
    port: int,
    listener: Callable[[Conversation], Listener],
    conversation: Conversation,
) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        upstream = socket.create_connection(("127.0.0.1", port))
        follower = listener(conversation)
        for source, target, hear in (
            (client, upstream, follower.client_said),
            (upstream, client, follower.server_said),
        ):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pump, args=(source, target, hear), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, hear: Callable[[bytes], None]) -> None:
    with suppress(OSError):
        while data := source.recv(_RECEIVE_BYTES):
            hear(data)
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _messages(buffer: bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Takes whole messages off the front of ``buffer``: type and content."""
    while len(buffer) >= 5:
        length = int.from_bytes(buffer[1:5], "big")
        if len(buffer) < 1 + length:
            return
        kind, body = bytes(buffer[:1]), bytes(buffer[5 : 1 + length])
        del buffer[: 1 + length]
        yield kind, body


def _redis_command(buffer: bytearray) -> str | None:
    """Takes one command off the front of ``buffer`` and returns its name; None if incomplete."""
    if not buffer.startswith(b"*"):
        return None
    end = buffer.find(b"\r\n")
    if end < 0:
        return None
    words, position = [], end + 2
    for _ in range(int(buffer[1:end])):
        end = buffer.find(b"\r\n", position)
        if end < 0:
            return None
        length = int(buffer[position + 1 : end])
        position = end + 2 + length + 2
        if len(buffer) < position:
            return None
        words.append(bytes(buffer[end + 2 : end + 2 + length]))
    del buffer[:position]
    return words[0].decode(errors="replace").upper() if words else ""


def _one_line(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").split())
