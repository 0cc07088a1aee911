"""Celery tasks of the shared ground."""

from celery import shared_task

from payments_project.database.partitions import ensure_months
from payments_project.idempotency.keys import delete_old_keys

_BATCHES_MAX = 200


@shared_task(name="payments_project.make_partitions")
def make_partitions() -> list[str]:
    """Makes the months ahead for every monthly table."""
    return ensure_months()


@shared_task(name="payments_project.delete_old_keys")
def delete_old_idempotency_keys() -> int:
    """Deletes replies that are no longer kept, in batches."""
    deleted = 0
    for _ in range(_BATCHES_MAX):
        count = delete_old_keys()
        deleted += count
        if not count:
            break
    return deleted
