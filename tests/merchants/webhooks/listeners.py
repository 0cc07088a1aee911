"""Servers of raw sockets: ones that must see nobody, and ones that answer as no HTTP server would."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# What it does with a connection and the request that came by it.
Act = Callable[["Connection"], None]


@dataclass
class Connection:
    socket: socket.socket
    # The one it is of its listener, from 1.
    number: int
    # How many requests came by it before this one.
    before: int
    request: bytes
    listener: "Listener"

    def send(self, data: bytes) -> None:
        """Counts what the kernel took, which is more than what was read by as much as it holds."""
        view = memoryview(data)
        while view:
            sent = self.socket.send(view[:16_384])
            self.listener.bytes_sent += sent
            view = view[sent:]

    def drip(self, data: bytes, *, every: float) -> None:
        for byte in data:
            self.send(bytes([byte]))
            time.sleep(every)


@dataclass
class Listener:
    address: str
    port: int
    connections: int = 0
    bytes_sent: int = 0
    requests: list[bytes] = field(default_factory=list)
    # What the last TLS client asked for.
    server_name: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/hooks"


def answer(data: bytes) -> Act:
    """Sends it, and keeps the connection."""
    return lambda connection: connection.send(data)


def answer_and_close(data: bytes) -> Act:
    def act(connection: Connection) -> None:
        connection.send(data)
        raise ConnectionAbortedError

    return act


OK = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@contextmanager
def listening(
    act: Act = OK,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    context: ssl.SSLContext | None = None,
) -> Iterator[Listener]:
    """A listener with a thread per connection; TLS with a ``context``."""
    server = socket.create_server(
        (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET
    )
    server.settimeout(0.05)
    listener = Listener(address, server.getsockname()[1])
    if context is not None:
        context.sni_callback = lambda _socket, name, _context: setattr(
            listener, "server_name", name
        )
    stopped = threading.Event()
    accepting = threading.Thread(
        target=_accept, args=(server, listener, act, context, stopped), daemon=True
    )
    accepting.start()
    try:
        yield listener
    finally:
        stopped.set()
        accepting.join()
        server.close()


def _accept(
    server: socket.socket,
    listener: Listener,
    act: Act,
    context: ssl.SSLContext | None,
    stopped: threading.Event,
) -> None:
    while not stopped.is_set():
        with suppress(TimeoutError):
            client, _ = server.accept()
            client.settimeout(10)
            listener.connections += 1
            threading.Thread(
                target=_serve, args=(client, listener, act, context), daemon=True
            ).start()


def _serve(
    client: socket.socket, listener: Listener, act: Act, context: ssl.SSLContext | None
) -> None:
    number, before = listener.connections, 0
    with client, suppress(OSError):
        stream = context.wrap_socket(client, server_side=True) if context else client
        with stream:
            while request := _read_request(stream):
                listener.requests.append(request)
                act(Connection(stream, number, before, request, listener))
                before += 1
    listener.ended.set()


def _read_request(stream: socket.socket) -> bytes:
    """A whole one, its body by Content-Length; empty when the client closes."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65_536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    while len(body) < lengths[0]:
        body += stream.recv(65_536)
    return head + b"\r\n\r\n" + body
