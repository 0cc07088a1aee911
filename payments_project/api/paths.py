"""Ids in paths."""

from uuid import UUID

from payments_project.database.uuid7 import uuid_of
from payments_project.errors import ResourceMissing


def require_uuid(value: str) -> UUID:
    """An id from a path. Raises ``ResourceMissing`` for what can't be one."""
    identity = uuid_of(value)
    if identity is None:
        raise ResourceMissing("There is no object with this id.")
    return identity
