"""Rotating an API key: a new one takes over, the old one ends now or after an overlap."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from merchants.errors import ApiKeyInactive
from merchants.locking import lock_api_key
from merchants.models import ApiKey
from merchants.services.create_api_key import create_api_key
from merchants.services.revoke_api_key import end_key
from merchants.snapshot import api_key_snapshot
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope

OVERLAP_SECONDS_MAX = 7 * 24 * 3600


def rotate_api_key(
    *, scope: Scope, api_key_id: UUID, overlap_seconds: int, actor: Actor
) -> tuple[ApiKey, str]:
    """Makes a key with the same name, permissions and limits; returns it and the key itself.

    The old key ends at once, or works ``overlap_seconds`` longer (a week at most), never beyond
    its own expiry. In the caller's transaction; locks the old key. Raises ``ApiKeyInactive`` for a
    key that has ended, ``ResourceMissing``.
    """
    old = lock_api_key(scope=scope, api_key_id=api_key_id)
    now = datetime.now(UTC)
    if not old.is_active or (old.expires_at is not None and old.expires_at <= now):
        raise ApiKeyInactive("The key has ended; create a new one.")
    new, secret = create_api_key(
        scope=scope,
        actor=actor,
        name=old.name,
        key_type=old.key_type,
        permissions=old.permissions or (),
        expires_at=old.expires_at,
        rate_limits=(old.rate_limit_per_second, old.rate_limit_per_hour),
    )
    if overlap_seconds:
        ends_at = now + timedelta(seconds=min(overlap_seconds, OVERLAP_SECONDS_MAX))
        old.expires_at = min(ends_at, old.expires_at or ends_at)
        old.save(update_fields=["expires_at"])
    else:
        end_key(old, now)
    record_event(aggregate=old, type="api_key.rotated", data=api_key_snapshot(old), actor=actor)
    return new, secret
