"""Keeping a file for disputes: its row first, then its content, then the word that it is there."""

import hashlib
import logging
from uuid import UUID, uuid4

from django.db.models.functions import Now

from disputes.file_types import type_of
from disputes.models import EvidenceFile
from disputes.storage import write_file
from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import InvalidInput, Unavailable
from payments_project.idempotency.keys import KeyClaim, claim_key, store_reply
from payments_project.idempotency.models import IdempotencyKey
from payments_project.idempotency.replies import Replies
from payments_project.tenancy import Scope

logger = logging.getLogger(__name__)

FILENAME_LENGTH_MAX = 255


def upload_file(
    *,
    scope: Scope,
    filename: str,
    content: bytes,
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[EvidenceFile],
) -> EvidenceFile:
    """Keeps a PDF, PNG or JPEG of at most 5 MiB; what it is its content says.

    The storage is written to outside of any transaction, under a name of ids that the row has
    committed before, so that a process that dies leaves nothing that the sweeper can't find.
    Raises ``InvalidInput`` for any other content, ``Unavailable`` while the storage can't be
    written to, and ``KeyTaken``.
    """
    content_type = type_of(content)
    if content_type is None:
        raise InvalidInput("The file is no PDF, PNG or JPEG.", param="file")

    def work() -> tuple[EvidenceFile, UUID | None]:
        key_id = claim_key(claim) if claim else None
        file = EvidenceFile(
            merchant_id=scope.merchant_id,
            environment=scope.environment,
            filename=filename[:FILENAME_LENGTH_MAX],
            content_type=content_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            storage_name=f"{scope.merchant_id}/{uuid4().hex}",
            created_by=actor.id,
            created_by_kind=actor.kind,
        )
        file.save(force_insert=True)
        if key_id:
            IdempotencyKey.objects.filter(pk=key_id).update(resource_id=str(file.pk))
        return file, key_id

    file, key_id = run_in_transaction(work)
    return store_content(file_id=file.pk, content=content, key_id=key_id, replies=replies)


def store_content(
    *, file_id: UUID, content: bytes, key_id: UUID | None, replies: Replies[EvidenceFile]
) -> EvidenceFile:
    """Writes a file's content and says that it is there, the reply with it. Done again, as by a
    call that resumes a dead one, it leaves the same. Raises ``Unavailable``."""
    file = EvidenceFile.objects.get(pk=file_id)
    try:
        if file.stored_at is None:
            write_file(file, content)
    # A folder that is full, a bucket that does not answer: each storage raises its own.
    except Exception:
        logger.exception("file %s could not be stored", file_id)
        raise Unavailable(
            "The file could not be stored; try again.",
            code="file_storage_unavailable",
            retry_after=10,
        ) from None

    def work() -> EvidenceFile:
        EvidenceFile.objects.filter(pk=file_id, stored_at=None).update(stored_at=Now())
        stored = EvidenceFile.objects.get(pk=file_id)
        if key_id:
            store_reply(key_id, replies.of(stored))
        return stored

    return run_in_transaction(work)
