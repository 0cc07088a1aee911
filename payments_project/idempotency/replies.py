"""How a service has its outcome put into the words that are stored under the key."""

from typing import Any, Protocol, TypeVar
from uuid import UUID

from payments_project.errors import ServiceError
from payments_project.idempotency.keys import Reply, store_reply

Subject_contra = TypeVar("Subject_contra", contravariant=True)


class Replies(Protocol[Subject_contra]):
    """Made by the API; services know that there is a reply, not what it looks like."""

    def of(self, subject: Subject_contra) -> Reply:
        """The reply that tells the object as it now is."""

    def refusing(self, error: ServiceError) -> Reply:
        """The reply that tells a refusal after work began."""

    def forget(self) -> None:
        """Drops the reply that was made last: what it tells could not be written."""


def store_refusal(key_id: UUID | None, error: ServiceError, replies: Replies[Any]) -> ServiceError:
    """Stores a refusal under the key, where there is one, in the caller's transaction, and returns
    it: to be raised once that is committed."""
    if key_id:
        store_reply(key_id, replies.refusing(error))
        error.is_stored = True
    return error


class NoReplies:
    """For acts without a key (the system's, the staff's): nothing is ever stored."""

    def of(self, subject: object) -> Reply:
        raise AssertionError("an act without a key has no reply")

    def refusing(self, error: ServiceError) -> Reply:
        raise AssertionError("an act without a key has no reply")

    def forget(self) -> None:
        """There is none."""
