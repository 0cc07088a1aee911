"""Taking deliveries that are due, so that no other worker is at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from merchants import states
from merchants.locking import lock_webhook_endpoint
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.retries import oldest_pending
from payments_project.database.transaction_manager import run_in_transaction

# At a well endpoint: so many are sent one after the other, and so many are under way at all.
BATCH = 10
UNDER_WAY_MAX = 40
# A worker sends what it claimed for BATCH_SECONDS at most, then what it is at ends (15 s). When it
# died, others may after the lease.
BATCH_SECONDS = 15.0
LEASE_SECONDS = 45

# Of one object's events, one that is under way elsewhere keeps later ones back, so that first
# attempts go in order. The endpoint's lock, taken in an earlier statement, lets this one see all
# claims before it.
_CLAIM = """
WITH under_way AS MATERIALIZED (
    SELECT aggregateid, position FROM webhook_deliveries
     WHERE endpoint_id = %(endpoint)s AND leased_until IS NOT NULL AND id >= %(oldest)s
), due AS (
    SELECT id FROM webhook_deliveries AS delivery
     WHERE endpoint_id = %(endpoint)s AND status = 'pending' AND leased_until IS NULL
       AND id >= %(oldest)s
       AND next_attempt_at <= clock_timestamp()
       AND NOT EXISTS (SELECT 1 FROM under_way
                        WHERE under_way.aggregateid = delivery.aggregateid
                          AND under_way.position < delivery.position)
     ORDER BY next_attempt_at, position
     LIMIT least(%(batch)s, greatest(%(most)s - (SELECT count(*) FROM under_way), 0))
)
UPDATE webhook_deliveries AS delivery
   SET leased_until = clock_timestamp() + make_interval(secs => %(lease)s)
  FROM due WHERE delivery.id = due.id
RETURNING delivery.id, delivery.event_id, delivery.position, delivery.next_attempt_at
"""
_RELEASE = """
UPDATE webhook_deliveries SET leased_until = NULL
 WHERE id = ANY(%s) AND status = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours for the lease."""

    id: UUID
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be sent to an endpoint now, in this order, and how. ``is_failing``: it is tried
    with one delivery whether the endpoint is back."""

    endpoint: WebhookEndpoint
    deliveries: Sequence[Claimed]
    secrets: Sequence[str]
    is_failing: bool

    @property
    def is_full(self) -> bool:
        """Whether more may be due."""
        return len(self.deliveries) == BATCH


def claim_deliveries(endpoint_id: UUID) -> Claim | None:
    """Claims what is due at an endpoint, oldest first; None if nothing is, or nothing may be sent.

    A failing endpoint gets one at a time, and none while it is paused. Locks the endpoint.
    """

    def work() -> Claim | None:
        endpoint = lock_webhook_endpoint(endpoint_id)
        now = datetime.now(UTC)
        if endpoint is None or endpoint.status != states.ENABLED:
            return None
        if endpoint.paused_until is not None and endpoint.paused_until > now:
            return None
        is_failing = endpoint.consecutive_failures > 0
        with connection.cursor() as cursor:
            cursor.execute(
                _CLAIM,
                {
                    "endpoint": endpoint.pk,
                    "oldest": oldest_pending(now),
                    "batch": 1 if is_failing else BATCH,
                    "most": 1 if is_failing else UNDER_WAY_MAX,
                    "lease": LEASE_SECONDS,
                },
            )
            found = sorted(cursor.fetchall(), key=lambda row: (row[3], row[2]))
        if not found:
            return None
        return Claim(
            endpoint=endpoint,
            deliveries=[Claimed(id=row[0], event_id=row[1]) for row in found],
            secrets=_secrets(endpoint, now),
            is_failing=is_failing,
        )

    return run_in_transaction(work)


def release_deliveries(deliveries: Sequence[Claimed]) -> None:
    """Gives claimed ones back that were not sent."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [[delivery.id for delivery in deliveries]])


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The secrets that sign now: the newest first."""
    secrets: list[str] = [endpoint.secret]
    until = endpoint.previous_secret_until
    if endpoint.previous_secret and until is not None and until > now:
        secrets.append(endpoint.previous_secret)
    return secrets
