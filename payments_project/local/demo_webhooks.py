"""The demo's chapter on being told: a webhook endpoint of its own, on this machine."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from payments_project.local.demo_walk import Walk
from payments_project.local.terminal import say

HOST = "127.0.0.1"
# What the first retry may take: five seconds and a fifth, and the sweep that finds it due.
RETRY_SECONDS_MAX = 45


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook as it came; ``headers`` has lower-case names."""

    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    def signatures_by(self, secret: str) -> int:
        """How many of its signatures were made with the secret (Standard Webhooks, ``v1``)."""
        content = f"{self.webhook_id}.{self.headers.get('webhook-timestamp')}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        right = "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
        given = self.headers.get("webhook-signature", "").split()
        return sum(hmac.compare_digest(right, each) for each in given)


@dataclass(slots=True)
class Receiver:
    """A merchant's server: keeps what comes, and answers 500 to as many as it is told first."""

    url: str = ""
    refuses: int = 0
    received: list[Received] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, webhook: Received) -> int:
        """Keeps it; the status to answer with."""
        with self._lock:
            self.received.append(webhook)
            if self.refuses:
                self.refuses -= 1
                return 500
            return 204

    def about(self, object_id: str) -> list[Received]:
        """The webhooks on an object, in the order in which they came."""
        with self._lock:
            return [
                each for each in self.received if each.event["data"]["object"]["id"] == object_id
            ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Received(headers, body)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The demo prints what it checks."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        receiver.url = f"http://{HOST}:{server.server_port}/webhooks"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def webhooks(walk: Walk) -> None:
    """Told of what happens: signed, sent again when refused, and guarded."""
    api = walk.merchant
    if urlsplit(walk.base_url).hostname not in (HOST, "localhost"):
        say("  That service can't send to this machine: there is nothing to be received.")
        return
    walk.refused(
        "an endpoint inside the network",
        api.post("/webhook_endpoints", {"url": "http://169.254.169.254/latest"}),
        400,
        "parameter_invalid",
    )
    with receiving() as receiver:
        made = {"url": receiver.url, "enabled_events": ["transaction.*", "refund.created"]}
        endpoint = walk.answer(api.post("/webhook_endpoints", made), 201)
        try:
            _told(walk, receiver, endpoint)
        finally:
            ended = api.http.delete(f"/v1/webhook_endpoints/{endpoint['id']}")
    walk.equals("and the endpoint is deleted", ended.status_code, 200)


def _told(walk: Walk, receiver: Receiver, endpoint: dict[str, Any]) -> None:
    api, path = walk.merchant, f"/webhook_endpoints/{endpoint['id']}"
    secret = endpoint["secret"]
    walk.holds(
        "an endpoint's secret is in that answer alone",
        secret.startswith("whsec_") and "secret" not in walk.answer(api.get(path)),
    )
    paid = walk.paid()
    walk.eventually(
        "a payment is told in its order",
        lambda: [each.event["type"] for each in receiver.about(paid["id"])],
        ["transaction.created", "transaction.succeeded"],
    )
    told = receiver.about(paid["id"])
    walk.equals(
        "each is signed with the secret",
        [each.signatures_by(secret) for each in told],
        [1] * len(told),
    )
    walk.equals(
        "and is what GET /v1/events/{id} has",
        [each.event for each in told],
        [walk.answer(api.get(f"/events/{each.webhook_id}")) for each in told],
    )
    _sent_again(walk, receiver, paid)
    _rotated(walk, receiver, path, secret)


def _sent_again(walk: Walk, receiver: Receiver, paid: dict[str, Any]) -> None:
    receiver.refuses = 1
    refund = walk.answer(walk.refund(paid, amount=100), 201)

    def of_the_refund() -> list[Received]:
        return receiver.about(refund["id"])

    walk.eventually(
        "what is answered with 500 is sent again",
        lambda: len(of_the_refund()),
        2,
        seconds_max=RETRY_SECONDS_MAX,
    )
    first, second = of_the_refund()
    walk.equals("with the same webhook-id", second.webhook_id, first.webhook_id)


def _rotated(walk: Walk, receiver: Receiver, path: str, old: str) -> None:
    api = walk.merchant
    new = walk.answer(api.post(f"{path}/rotate_secret"))["secret"]
    event_id = walk.answer(api.post(f"{path}/test"), 201)["event"]

    def tests() -> list[Received]:
        return [each for each in receiver.received if each.webhook_id == event_id]

    walk.eventually("a test event comes when it is asked for", lambda: len(tests()), 1)
    (test,) = tests()
    walk.equals(
        "signed with the new secret and, for a day, the old one",
        (test.signatures_by(new), test.signatures_by(old)),
        (1, 1),
    )
