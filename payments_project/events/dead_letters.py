"""Dead letters: what a consumer could not handle, kept for people to look at and to hand back."""

from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from payments_project.events.logged import COLUMNS, EventRow, LoggedEvent, from_log
from payments_project.events.models import DeadLetter

CONTENT_BYTES_MAX = 65_536

_INSERT = """
INSERT INTO dead_letters (consumer, source, event_id, event_type, merchant_id, content, cause)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (consumer, source) DO UPDATE SET cause = excluded.cause, handled_at = NULL,
    attempts = dead_letters.attempts + 1, last_attempt_at = now()
"""
_COUNT = """
SELECT consumer, count(*) FROM (SELECT consumer FROM dead_letters
                                 WHERE handled_at IS NULL LIMIT %s) AS waiting
 GROUP BY consumer
"""
COUNT_MAX = 100_000


def set_aside(*, consumer: str, event: LoggedEvent, cause: str) -> None:
    """Writes an event down that ``consumer`` could not handle, once for each place it came from."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                consumer,
                event.source,
                event.id,
                event.type,
                event.merchant_id,
                None,
                cause[:300],
            ],
        )


def set_aside_content(*, consumer: str, source: str, content: bytes, cause: str) -> None:
    """Writes a message down that is no event of ours; at most its first 64 KiB."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [consumer, source, None, None, None, content[:CONTENT_BYTES_MAX], cause[:300]],
        )


def read_event(event_id: UUID) -> LoggedEvent | None:
    """The event as the log has it; None once its month was dropped."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM events WHERE id = %s", [event_id])
        row = cursor.fetchone()
    return None if row is None else from_log(EventRow._make(row))


def count_dead_letters() -> dict[str, int]:
    """How many wait, by consumer; up to ``COUNT_MAX`` in all."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [COUNT_MAX])
        return dict(cursor.fetchall())


def mark_handled(letter: DeadLetter) -> None:
    """Notes that a letter was handled after all."""
    DeadLetter.objects.filter(pk=letter.pk).update(
        handled_at=Now(), last_attempt_at=Now(), attempts=F("attempts") + 1
    )


def mark_failed(letter: DeadLetter, *, cause: str) -> None:
    """Notes that handing a letter back failed again, and why."""
    DeadLetter.objects.filter(pk=letter.pk).update(
        cause=cause[:300], last_attempt_at=Now(), attempts=F("attempts") + 1
    )
