"""Celery tasks of the shared ground."""

import time

from celery import shared_task

from payments_project.console.form_tokens import delete_old_tokens
from payments_project.database.partitions import drop_old_months, ensure_months
from payments_project.idempotency.keys import delete_old_keys
from payments_project.staff.sign_in.lock_out import delete_forgotten
from payments_project.staff.sign_in.session_store import SessionStore

# With one more statement it ends before CELERY_TASK_TIME_LIMIT; the next run goes on.
DELETING_SECONDS_MAX = 240


@shared_task(name="payments_project.make_partitions")
def make_partitions() -> list[str]:
    """Makes the months ahead for every monthly table."""
    return ensure_months()


@shared_task(name="payments_project.drop_old_months")
def drop_months() -> list[str]:
    """Drops months of events and webhooks that are kept no longer, once every reader has them."""
    return drop_old_months()


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


@shared_task(name="payments_project.delete_old_sign_in_records")
def delete_old_sign_in_records() -> int:
    """Deletes sessions that are over, and counts of failures that are forgotten; how many counts."""
    SessionStore.clear_expired()
    return delete_forgotten()


@shared_task(name="payments_project.delete_old_form_tokens")
def delete_old_form_tokens() -> int:
    """Deletes tokens of the console's forms that are too old to be sent."""
    return delete_old_tokens()
