"""Delivering what is due at one endpoint: what a worker does when it is asked."""

import threading
import time
from collections.abc import Mapping
from uuid import UUID

from django.conf import settings
from django.db import connection

from merchants.services.claim_deliveries import (
    BATCH_SECONDS,
    Claim,
    Claimed,
    claim_deliveries,
    release_deliveries,
)
from merchants.services.record_attempt import record_event_gone, record_failure, record_success
from merchants.webhooks.dispatch import ask_for_delivery
from merchants.webhooks.sender import WebhookSender
from merchants.webhooks.signing import signed_headers
from payments_project.events.models import Event
from payments_project.events.rendering import event_body

# After so long a worker gives others' endpoints a turn, and this one another one.
RUN_SECONDS = 20.0
# An endpoint whose last answer took longer is a slow one.
SLOW_MS = 2_000
_SLOW_MAX = 10_000


class _Suspects:
    """Failing and slow endpoints share half of this process's workers, so that the others always
    find one. What is slow is known to this process alone, and only until it answers fast."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(max(1, settings.WEBHOOK_THREADS // 2))
        self._slow: dict[UUID, bool] = {}

    def note(self, endpoint_id: UUID, duration_ms: int) -> None:
        if duration_ms > SLOW_MS:
            if len(self._slow) >= _SLOW_MAX:
                self._slow.clear()
            self._slow[endpoint_id] = True
        else:
            self._slow.pop(endpoint_id, None)

    def enter(self, claim: Claim) -> bool | None:
        """True with a place among the suspects, False for who is none, None if all are taken."""
        if not claim.is_failing and claim.endpoint.pk not in self._slow:
            return False
        return True if self._places.acquire(blocking=False) else None

    def leave(self) -> None:
        self._places.release()


_suspects = _Suspects()


def deliver_webhooks(endpoint_id: UUID) -> int:
    """Sends what is due at an endpoint, each event until the endpoint takes it or fails; how many
    were sent.

    Each delivery is claimed before and recorded after, and sent outside of any transaction: one is
    sent again if its worker dies in between, and its ``webhook-id`` is the same then. Returns after
    ``RUN_SECONDS`` at the latest and asks for another turn if more is due.
    """
    deadline = time.monotonic() + RUN_SECONDS
    sent = 0
    with WebhookSender() as sender:
        while (claim := claim_deliveries(endpoint_id)) is not None:
            place = _suspects.enter(claim)
            if place is None:
                release_deliveries(claim.deliveries)
                return sent
            if claim.is_full:
                # Another worker may take the next ones meanwhile.
                ask_for_delivery([endpoint_id])
            try:
                count, goes_on = _send_claimed(sender, claim)
            finally:
                if place:
                    _suspects.leave()
            sent += count
            if not goes_on:
                return sent
            if time.monotonic() > deadline:
                ask_for_delivery([endpoint_id])
                return sent
    return sent


def _send_claimed(sender: WebhookSender, claim: Claim) -> tuple[int, bool]:
    """How many were sent, and whether the endpoint takes more now."""
    deadline = time.monotonic() + BATCH_SECONDS
    events = Event.objects.in_bulk([delivery.event_id for delivery in claim.deliveries])
    for place, delivery in enumerate(claim.deliveries):
        event = events.get(delivery.event_id)
        if event is None:
            record_event_gone(delivery_id=delivery.id)
            continue
        takes_more = _send(sender, claim, delivery, event)
        if not takes_more or time.monotonic() > deadline:
            if rest := claim.deliveries[place + 1 :]:
                release_deliveries(rest)
            return place + 1, takes_more
    return len(claim.deliveries), True


def _send(sender: WebhookSender, claim: Claim, delivery: Claimed, event: Event) -> bool:
    endpoint = claim.endpoint
    body = event_body(event)
    # While a merchant's server takes its time, others use the connection.
    connection.close()
    outcome = sender.send(
        url=endpoint.url,
        environment=endpoint.environment,
        headers=_headers(claim, event, body),
        body=body,
    )
    _suspects.note(endpoint.pk, outcome.duration_ms)
    if outcome.succeeded:
        record_success(endpoint=endpoint, delivery_id=delivery.id, outcome=outcome)
        # Well again, so that the next success writes less.
        endpoint.consecutive_failures = 0
        return True
    # So that a success later in the batch is written down as the end of the failures.
    endpoint.consecutive_failures += 1
    return not record_failure(endpoint=endpoint, delivery_id=delivery.id, outcome=outcome)


def _headers(claim: Claim, event: Event, body: bytes) -> Mapping[str, str]:
    return {
        "Content-Type": "application/json",
        **signed_headers(
            secrets=claim.secrets,
            message_id=str(event.pk),
            timestamp=int(time.time()),
            body=body,
        ),
    }
