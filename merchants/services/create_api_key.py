"""Making API keys."""

from collections.abc import Sequence
from datetime import datetime

from merchants.keys import hash_key, key_prefix, new_key
from merchants.models import ApiKey
from merchants.permissions import PERMISSIONS, PUBLISHABLE
from merchants.snapshot import api_key_snapshot
from payments_project.actor import Actor
from payments_project.errors import InvalidInput
from payments_project.events.record import record_event
from payments_project.tenancy import Scope


def create_api_key(
    *,
    scope: Scope,
    actor: Actor,
    name: str,
    key_type: str = ApiKey.SECRET,
    permissions: Sequence[str] = (),
    expires_at: datetime | None = None,
    rate_limits: tuple[int | None, int | None] = (None, None),
) -> tuple[ApiKey, str]:
    """Makes a key in the caller's transaction; returns it and the key itself, shown only now.

    A publishable key has the one permission that it may have. ``rate_limits`` are calls per second
    and per hour, None for the default. Raises ``InvalidInput`` for an unknown permission.
    """
    if key_type == ApiKey.PUBLISHABLE:
        if any(item not in PUBLISHABLE for item in permissions):
            raise InvalidInput(
                "A publishable key may only create payment methods.", param="permissions"
            )
        permissions = PUBLISHABLE
    unknown = sorted(set(permissions) - PERMISSIONS)
    if unknown:
        raise InvalidInput(f"No such permission: {unknown[0][:40]}", param="permissions")
    secret = new_key(key_type=key_type, environment=scope.environment)
    key = ApiKey(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        name=name,
        key_type=key_type,
        key_hash=hash_key(secret),
        key_prefix=key_prefix(secret),
        permissions=sorted(set(permissions)),
        expires_at=expires_at,
        rate_limit_per_second=rate_limits[0],
        rate_limit_per_hour=rate_limits[1],
        created_by=actor.id,
    )
    key.save(force_insert=True)
    record_event(aggregate=key, type="api_key.created", data=api_key_snapshot(key), actor=actor)
    return key, secret
