"""Sending once, by a sender of its own or one that stays; and what raw listeners answer."""

import time

from merchants.webhooks.sender import Outcome, WebhookSender
from tests.merchants.webhooks.listeners import Act, listening

# What the tests' senders have; how long a machine that is busy may take beside it.
TIMEOUT = 0.6
LATE = 0.4
BODY = b'{"type":"transaction.succeeded"}'


def send(
    sender: WebhookSender, url: str, headers: dict[str, str] | None = None, body: bytes = BODY
) -> Outcome:
    return sender.send(url=url, environment="test", headers=headers or {}, body=body)


def sent_to(act: Act) -> Outcome:
    with listening(act) as listener, WebhookSender() as sender:
        return send(sender, listener.url)


def response(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def takes_about_the_timeout(started: float) -> bool:
    return TIMEOUT - 0.05 < time.monotonic() - started < TIMEOUT + LATE
