"""The load generator: one thread, raw sockets, a closed loop of N clients.

It shares two cores with what it measures, so it does as little as it can: requests are formatted
beforehand but for the Idempotency-Key, a response is searched and never parsed, and nothing is
imported that it does not need. Every response's status and body are checked all the same.

Run as ``python -m bench.load``: one line of JSON in per command, one line out per result
(``bench.load_process`` is the other end). Connections stay open between runs.
"""

import gc
import itertools
import json
import select
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

RECEIVE_BYTES = 65536
# How long a run waits for answers under way when its time is up; they count as failures then.
DRAIN_SECONDS_MAX = 30.0
FAILURES_SHOWN = 3
UNKNOWN, CHUNKED = -1, -2
# No JSON body holds a bare CR LF, so nothing else of ours ends like this.
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Client:
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("buffer", "length", "sent_at", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=DRAIN_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.length = UNKNOWN
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.buffer = b""
        self.length = UNKNOWN
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole response once it is there, None before; raises when the server hung up."""
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self.buffer = self.buffer + data if self.buffer else data
        if self.length == UNKNOWN:
            self.length = response_length(self.buffer)
        if self.length == CHUNKED:
            return self.buffer if self.buffer.endswith(LAST_CHUNK) else None
        if self.length == UNKNOWN or len(self.buffer) < self.length:
            return None
        return self.buffer


def response_length(data: bytes) -> int:
    """How long the whole response is; ``UNKNOWN`` while its head is not there, or ``CHUNKED``."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return UNKNOWN
    head = data[:end].lower()
    start = head.find(b"\r\ncontent-length:")
    if start >= 0:
        stop = head.find(b"\r\n", start + 2)
        return end + 4 + int(head[start + 17 : stop if stop >= 0 else end])
    if b"\r\ntransfer-encoding: chunked" in head:
        return CHUNKED
    raise ValueError(f"a response of unknown length: {data[:end]!r}")


def response_body(response: bytes) -> bytes:
    """A whole response's body, put together from its chunks if it came so."""
    head, _, body = response.partition(b"\r\n\r\n")
    if response_length(head + b"\r\n\r\n") != CHUNKED:
        return body
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        count = int(size.split(b";")[0], 16)
        whole += rest[:count]
        body = rest[count + 2 :]
    return whole


class Load:
    """A workload: who is asked, what for, and how a good answer looks."""

    def __init__(self, command: dict[str, Any]) -> None:
        self.address = (command["host"], command["port"])
        host = f"{command['host']}:{command['port']}"
        self.templates = [_template(host, request) for request in command["requests"]]
        self.status_line = f"HTTP/1.1 {command['status']} ".encode()
        self.fragments = [fragment.encode() for fragment in command["fragments"]]
        self.clients: list[Client] = []
        self.run_id = uuid.uuid4().hex

    def connect(self, count: int) -> None:
        """Opens or closes connections until there are ``count``."""
        while len(self.clients) > count:
            self.clients.pop().socket.close()
        while len(self.clients) < count:
            self.clients.append(Client(self.address))

    def is_good(self, response: bytes) -> bool:
        """Whether it has the expected status and every expected piece of body."""
        return response.startswith(self.status_line) and all(
            fragment in response for fragment in self.fragments
        )

    def requests(self) -> Iterator[bytes]:
        """Requests without end, round robin over the templates, each with a new key."""
        counter = itertools.count()
        for head, tail in itertools.cycle(self.templates):
            yield b"%b%b-%d%b" % (head, self.run_id.encode(), next(counter), tail)


class Run:
    """One closed loop: each client sends its next request as soon as it has its answer."""

    def __init__(self, load: Load, requests: Iterator[bytes]) -> None:
        self.load = load
        self.requests = requests
        self.poll = select.epoll()
        self.by_number: dict[int, Client] = {}
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.failed = self.reconnects = self.in_time = self.under_way = 0
        self.deadline = 0.0

    def go(self, *, clients: int, seconds: float) -> dict[str, Any]:
        """Keeps ``clients`` requests under way for ``seconds``; then waits for the last answers.

        The rate counts answers within the time; CPU seconds and ``answers`` include the draining,
        so that a division of the two is fair.
        """
        self.load.connect(clients)
        gc.collect()
        gc.disable()
        cpu_before = time.process_time()
        started = time.perf_counter()
        self.deadline = started + seconds
        for client in self.load.clients:
            self._start(client)
        self._answer_until_done()
        cpu_seconds = time.process_time() - cpu_before
        elapsed = time.perf_counter() - started
        gc.enable()
        self.poll.close()
        self.latencies.sort()
        return {
            "per_second": self.in_time / seconds,
            "answers": len(self.latencies),
            "elapsed_seconds": elapsed,
            "cpu_seconds": cpu_seconds,
            "failed": self.failed,
            "failures": self.failures,
            "reconnects": self.reconnects,
            "p50_ms": percentile(self.latencies, 0.50) * 1000,
            "p99_ms": percentile(self.latencies, 0.99) * 1000,
            "max_ms": (self.latencies[-1] if self.latencies else 0.0) * 1000,
        }

    def _start(self, client: Client) -> None:
        number = client.socket.fileno()
        self.by_number[number] = client
        self.poll.register(number, select.EPOLLIN)
        client.send(next(self.requests))
        self.under_way += 1

    def _answer_until_done(self) -> None:
        while self.under_way:
            events = self.poll.poll(1.0)
            if time.perf_counter() > self.deadline + DRAIN_SECONDS_MAX:
                self._fail(f"{self.under_way} requests were never answered", self.under_way)
                return
            for number, _ in events:
                client = self.by_number[number]
                try:
                    response = client.receive()
                except (OSError, ValueError) as error:
                    self._replace(client, number, error)
                    continue
                if response is not None:
                    self._take(client, response)

    def _take(self, client: Client, response: bytes) -> None:
        now = time.perf_counter()
        if self.load.is_good(response):
            self.latencies.append(now - client.sent_at)
            self.in_time += now <= self.deadline
        else:
            self._fail(response[:1500].decode(errors="replace"), 1)
        if now < self.deadline:
            client.send(next(self.requests))
        else:
            self.under_way -= 1

    def _replace(self, client: Client, number: int, error: Exception) -> None:
        """Counts a broken connection as a failure and opens another in its place."""
        self._fail(str(error), 1)
        self.poll.unregister(number)
        del self.by_number[number]
        self.load.clients.remove(client)
        client.socket.close()
        self.under_way -= 1
        if time.perf_counter() < self.deadline:
            self.reconnects += 1
            self.load.connect(len(self.load.clients) + 1)
            self._start(self.load.clients[-1])

    def _fail(self, reason: str, count: int) -> None:
        self.failed += count
        if len(self.failures) < FAILURES_SHOWN:
            self.failures.append(reason)


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of sorted values; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _template(host: str, request: dict[str, Any]) -> tuple[bytes, bytes]:
    """The bytes before and after the Idempotency-Key, which is the last header."""
    body = request.get("body", "").encode()
    head = (
        f"{request.get('method', 'POST')} {request['path']} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {request['key']}\r\n"
    )
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    # A GET may have one too; the API ignores it.
    return f"{head}Idempotency-Key: ".encode(), b"\r\n\r\n" + body


def main() -> None:
    """Obeys ``prepare`` and ``run`` commands until the input ends."""
    load: Load | None = None
    requests: Iterator[bytes] = iter(())
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "prepare":
            if load is not None:
                load.connect(0)
            load = Load(command)
            requests = load.requests()
            answer: dict[str, Any] = {}
        else:
            if load is None:
                raise RuntimeError("nothing was prepared")
            answer = Run(load, requests).go(clients=command["clients"], seconds=command["seconds"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
