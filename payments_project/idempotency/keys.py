"""Claiming an idempotency key, finding its reply, taking over what a dead process left.

A key is claimed by inserting its row, in the statement or transaction that begins the work; the
reply is stored in the one that ends it. What is refused before work began leaves no row.
"""

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from payments_project.encryption.keyed_hash import keyed_hash
from payments_project.encryption.secrets import decrypt_secret, encrypt_secret
from payments_project.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from payments_project.tenancy import Scope

reply_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

KEY_LENGTH_MAX = 255
# A reply is replayed at least this long; then the key may be used anew.
KEPT_HOURS = 24
# A key that was never finished waits for a retry that resumes it. Whoever has not sent one by then
# will not: and the resolvers, which settle what it names long before, need no key.
STARTED_KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """What a request says of itself when it claims a key; ``lease_seconds`` outlast its work."""

    scope: Scope
    key: str
    request_path: str
    fingerprint: str
    api_key_id: UUID | None
    lease_seconds: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and body to store under the key; ``secrets`` are fields of the body that are stored
    encrypted, and null in it. ``api_key_id`` is whose call a stored one answered."""

    status: int
    body: str
    secrets: dict[str, Any] | None = None
    api_key_id: UUID | None = None

    def whole(self) -> str:
        """The body with the secrets in it."""
        return reply_text({**json.loads(self.body), **self.secrets}) if self.secrets else self.body

    def sealed_secrets(self) -> bytes | None:
        """The secrets as they are stored."""
        return encrypt_secret(json.dumps(self.secrets)) if self.secrets else None


def make_reply(status: int, content: dict[str, Any], *, secret_names: Iterable[str]) -> Reply:
    """A reply of which the named fields, where they are given, are stored encrypted."""
    secrets = {name: content[name] for name in secret_names if content.get(name) is not None}
    return Reply(status, reply_text(content | dict.fromkeys(secrets)), secrets or None)


@dataclass(frozen=True, slots=True)
class Resumption:
    """An unfinished key whose process is gone, now leased to this caller."""

    key_id: UUID
    resource_id: str


class KeyTaken(Exception):
    """The key has a row already; ``find_reply`` and ``take_over`` say what to do."""


def request_fingerprint(*, path: str, content: Any) -> str:
    """A keyed hash of what is asked: the same for the same parameters in any order."""
    return keyed_hash(settings.REQUEST_FINGERPRINT_KEY, f"{path}\n{_canonical(content)}")


def claim_key(claim: KeyClaim, *, resource_id: str | None = None) -> UUID:
    """Inserts the key's row in the caller's transaction and returns its id.

    Waits for another transaction that is inserting the same key. Raises ``KeyTaken``.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO idempotency_keys (merchant_id, environment, key, request_path,
                request_fingerprint, api_key_id, recovery_point, locked_until, resource_id)
            VALUES (%s, %s, %s, %s, %s, %s, 'started',
                    clock_timestamp() + make_interval(secs => %s), %s)
            ON CONFLICT (merchant_id, environment, key) DO NOTHING
            RETURNING id
            """,
            [
                claim.scope.merchant_id,
                claim.scope.environment,
                claim.key,
                claim.request_path,
                claim.fingerprint,
                claim.api_key_id,
                claim.lease_seconds,
                resource_id,
            ],
        )
        row = cursor.fetchone()
    if row is None:
        raise KeyTaken
    key_id: UUID = row[0]
    return key_id


def store_reply(key_id: UUID, reply: Reply, *, resource_id: str | None = None) -> None:
    """Finishes a key: what is replayed from now on, and the object that it tells of. Does nothing
    to a key finished before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE idempotency_keys SET recovery_point = 'finished', locked_until = NULL,"
            " finished_at = now(), response_status = %s, response_body = %s,"
            " response_secrets = %s, resource_id = coalesce(%s, resource_id) WHERE id = %s AND recovery_point = 'started'",
            [
                reply.status,
                reply.body,
                reply.sealed_secrets(),
                resource_id,
                key_id,
            ],
        )


def find_reply(claim: KeyClaim) -> Reply | None:
    """The stored reply of a finished key; None if there is no such key.

    Raises ``IdempotencyKeyReused`` for another request's key, and ``IdempotencyKeyInUse`` for one
    that is not finished, whether or not its lease has run out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT request_path, request_fingerprint, recovery_point, response_status,"
            " response_body, response_secrets, api_key_id,"
            " ceil(extract(epoch FROM locked_until - now()))::int"
            " FROM idempotency_keys WHERE merchant_id = %s AND environment = %s AND key = %s",
            [claim.scope.merchant_id, claim.scope.environment, claim.key],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    (path, fingerprint, recovery_point, status, body, secrets, api_key_id,
     lease_left_seconds) = row  # fmt: skip
    if path != claim.request_path or not hmac.compare_digest(fingerprint, claim.fingerprint):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used before with other parameters or at another endpoint."
        )
    if recovery_point != "finished":
        raise IdempotencyKeyInUse(
            "A request with this Idempotency-Key is still under way.",
            retry_after=max(1, lease_left_seconds or 1),
        )
    opened = json.loads(decrypt_secret(secrets)) if secrets else None
    return Reply(status, body, opened, api_key_id)


def forget_secrets(*, scope: Scope, resource_ids: Sequence[str]) -> None:
    """Erases what stored replies about these objects hold encrypted, in the caller's transaction.

    A replay then tells null in its place. Reads all keys of the merchant, a day's worth.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE idempotency_keys SET response_secrets = NULL WHERE merchant_id = %s"
            " AND environment = %s AND resource_id = ANY(%s) AND response_secrets IS NOT NULL",
            [scope.merchant_id, scope.environment, list(resource_ids)],
        )


def take_over(claim: KeyClaim) -> Resumption | None:
    """Leases an unfinished key whose lease has run out to this caller; None if there is none.

    Of several callers at once one gets it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE idempotency_keys SET locked_until = now() + make_interval(secs => %s)"
            " WHERE merchant_id = %s AND environment = %s AND key = %s"
            " AND request_fingerprint = %s AND recovery_point = 'started' AND locked_until < now()"
            " RETURNING id, resource_id",
            [
                claim.lease_seconds,
                claim.scope.merchant_id,
                claim.scope.environment,
                claim.key,
                claim.fingerprint,
            ],
        )
        row = cursor.fetchone()
    return Resumption(*row) if row else None


def delete_old_keys(*, batch: int = 5000) -> int:
    """Deletes finished keys older than ``KEPT_HOURS`` and started ones older than
    ``STARTED_KEPT_DAYS``, at most ``batch`` of them; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM idempotency_keys WHERE id IN (SELECT id FROM idempotency_keys"
            " WHERE id < uuidv7_floor(now() - make_interval(hours => %s))"
            " AND (recovery_point = 'finished'"
            " OR id < uuidv7_floor(now() - make_interval(days => %s)))"
            " LIMIT %s)",
            [KEPT_HOURS, STARTED_KEPT_DAYS, batch],
        )
        return int(cursor.rowcount)
