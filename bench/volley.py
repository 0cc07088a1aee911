"""Requests sent at the same moment on many connections: the harness of the races."""

import json
from dataclasses import dataclass
from typing import Any

from bench.load import Client, response_body


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status and its JSON body."""

    status: int
    body: dict[str, Any]


class Volley:
    """Keep-alive connections to one port; ``fire`` uses as many of them as there are requests."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._clients: list[Client] = []

    def fire(self, requests: list[bytes]) -> list[Answer]:
        """Sends all requests before reading any answer; the answers in the requests' order."""
        while len(self._clients) < len(requests):
            self._clients.append(Client(self._address))
        pairs = list(zip(self._clients, requests, strict=False))
        for client, request in pairs:
            client.send(request)
        return [_answer(client) for client, _ in pairs]

    def close(self) -> None:
        """Closes the connections."""
        while self._clients:
            self._clients.pop().socket.close()


def post(*, path: str, key: str, idempotency_key: str, content: dict[str, Any]) -> bytes:
    """A POST request's bytes."""
    body = json.dumps(content).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Idempotency-Key: {idempotency_key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _answer(client: Client) -> Answer:
    response = client.receive()
    while response is None:
        response = client.receive()
    return Answer(int(response.split(b" ", 2)[1]), json.loads(response_body(response)))
