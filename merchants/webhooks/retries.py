"""How long and how often a webhook is tried."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from payments_project.database.uuid7 import uuid7_floor

# The pauses between attempts, each with jitter: ten attempts within three days and some hours.
RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
# Then it is given up, however few attempts its endpoint let us make.
GIVE_UP_AFTER = timedelta(hours=78)
# Events are sent for so long, anew or at last.
RESEND_DAYS_MAX = 30


def is_too_old(happened_at: datetime) -> bool:
    """Whether what happened then is not sent any more."""
    return datetime.now(UTC) - happened_at > timedelta(days=RESEND_DAYS_MAX)


def oldest_pending(now: datetime) -> UUID:
    """No delivery that may still be pending has an id below this one: where to look for them."""
    return uuid7_floor(now - timedelta(days=RESEND_DAYS_MAX) - GIVE_UP_AFTER - timedelta(days=2))
