"""Celery tasks of the shared ground."""

import time

from celery import shared_task

from payments_project.database.partitions import ensure_months
from payments_project.idempotency.keys import delete_old_keys

# With one more statement it ends before CELERY_TASK_TIME_LIMIT; the next run goes on.
DELETING_SECONDS_MAX = 240


@shared_task(name="payments_project.make_partitions")
def make_partitions() -> list[str]:
    """Makes the months ahead for every monthly table."""
    return ensure_months()


@shared_task(name="payments_project.delete_old_keys")
def delete_old_idempotency_keys() -> int:
    """Deletes keys that are no longer kept, batch by batch until none is left."""
    deadline = time.monotonic() + DELETING_SECONDS_MAX
    deleted = 0
    while time.monotonic() < deadline:
        count = delete_old_keys()
        deleted += count
        if not count:
            break
    return deleted
