"""Revoking an API key."""

from datetime import UTC, datetime
from uuid import UUID

from merchants.locking import lock_api_key
from merchants.models import ApiKey
from merchants.snapshot import api_key_snapshot
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.tenancy import Scope


def revoke_api_key(*, scope: Scope, api_key_id: UUID, actor: Actor) -> ApiKey:
    """Ends the key for good, in the caller's transaction; again does nothing. Locks its row.

    The caller has it forgotten (``merchants.api.authentication.forget_keys``) after the commit.
    Raises ``ResourceMissing``.
    """
    key = lock_api_key(scope=scope, api_key_id=api_key_id)
    if key.is_active:
        end_key(key, datetime.now(UTC))
        record_event(aggregate=key, type="api_key.revoked", data=api_key_snapshot(key), actor=actor)
    return key


def end_key(key: ApiKey, moment: datetime) -> None:
    """Makes a locked key inactive from ``moment`` on."""
    key.is_active = False
    key.revoked_at = moment
    key.save(update_fields=["is_active", "revoked_at"])
