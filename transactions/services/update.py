"""Changing what a merchant noted on a transaction."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.metadata import merge_metadata
from payments_project.tenancy import Scope
from transactions.locking import lock_transaction
from transactions.models import Transaction
from transactions.snapshot import transaction_snapshot

UNCHANGED: Any = object()


def update_transaction(
    *,
    scope: Scope,
    transaction_id: UUID,
    actor: Actor,
    description: str | None = UNCHANGED,
    metadata: dict[str, str] | None = UNCHANGED,
) -> Transaction:
    """Sets description and metadata, in any state, in the caller's transaction. Locks the row.

    ``metadata`` is merged: its keys are set, an empty value removes its key, None removes all.
    Writes ``transaction.updated`` if anything changed. Raises ``ResourceMissing``, and
    ``InvalidInput`` for more than 50 keys.
    """
    transaction = lock_transaction(transaction_id=transaction_id, scope=scope)
    changed = []
    if description is not UNCHANGED and description != transaction.description:
        transaction.description = description
        changed.append("description")
    if metadata is not UNCHANGED:
        merged = merge_metadata(transaction.metadata, metadata)
        if merged != transaction.metadata:
            transaction.metadata = merged
            changed.append("metadata")
    if not changed:
        return transaction
    transaction.updated_at = datetime.now(UTC)
    transaction.revision += 1
    transaction.save(update_fields=[*changed, "updated_at", "revision"])
    record_event(
        aggregate=transaction,
        type="transaction.updated",
        data=transaction_snapshot(transaction),
        actor=actor,
    )
    return transaction
