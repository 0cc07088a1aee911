"""What no event asks for: retries that are due, claims of workers that died, time that is over."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from merchants.webhooks.dispatch import ask_for_delivery
from merchants.webhooks.retries import oldest_pending

BATCH = 5_000
ENDPOINTS_MAX = 5_000

# Rows that others have locked are left to the next run: nobody waits for anybody.
_FREE = """
UPDATE webhook_deliveries AS delivery SET leased_until = NULL
  FROM (SELECT id FROM webhook_deliveries
         WHERE leased_until < clock_timestamp() AND id >= %(oldest)s
         LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED) AS left_over
 WHERE delivery.id = left_over.id
"""
_GIVE_UP = """
UPDATE webhook_deliveries AS delivery
   SET status = 'failed', next_attempt_at = NULL, finished_at = clock_timestamp(),
       error = coalesce(error, 'given_up')
  FROM (SELECT id FROM webhook_deliveries
         WHERE status = 'pending' AND give_up_at < clock_timestamp() AND leased_until IS NULL
         LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED) AS over
 WHERE delivery.id = over.id
"""
_OF_DISABLED = """
UPDATE webhook_deliveries AS delivery
   SET status = 'failed', next_attempt_at = NULL, finished_at = clock_timestamp(),
       error = 'endpoint_disabled'
  FROM (SELECT delivery.id
          FROM webhook_endpoints AS endpoint
          JOIN webhook_deliveries AS delivery ON delivery.endpoint_id = endpoint.id
         WHERE endpoint.status = 'disabled' AND endpoint.disabled_at > now() - interval '7 days'
           AND delivery.status = 'pending' AND delivery.leased_until IS NULL
           AND delivery.id >= %(oldest)s
         LIMIT %(batch)s FOR NO KEY UPDATE OF delivery SKIP LOCKED) AS left_over
 WHERE delivery.id = left_over.id
"""
_DUE = """
SELECT endpoint.id
  FROM webhook_endpoints AS endpoint
 WHERE endpoint.status = 'enabled'
   AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= clock_timestamp())
   AND EXISTS (SELECT 1 FROM webhook_deliveries AS delivery
                WHERE delivery.endpoint_id = endpoint.id AND delivery.status = 'pending'
                  AND delivery.leased_until IS NULL AND delivery.id >= %(oldest)s
                  AND delivery.next_attempt_at <= clock_timestamp())
 ORDER BY endpoint.consecutive_failures > 0, endpoint.id
 LIMIT %(endpoints)s
"""


def sweep_webhooks() -> dict[str, int]:
    """Frees claims whose lease is over, gives up what was tried for long enough or goes to nobody
    any more, and asks workers for every endpoint where something is due, well ones first; how many
    of each. Safe to run twice or at once."""
    parameters: dict[str, UUID | int] = {
        "oldest": oldest_pending(datetime.now(UTC)),
        "batch": BATCH,
        "endpoints": ENDPOINTS_MAX,
    }
    counts = {}
    with connection.cursor() as cursor:
        for name, statement in (
            ("freed", _FREE),
            ("given up", _GIVE_UP),
            ("of disabled endpoints", _OF_DISABLED),
        ):
            cursor.execute(statement, parameters)
            counts[name] = int(cursor.rowcount)
        cursor.execute(_DUE, parameters)
        due = [row[0] for row in cursor.fetchall()]
    ask_for_delivery(due)
    return {**counts, "asked for": len(due)}
