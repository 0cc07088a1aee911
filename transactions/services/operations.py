"""Acts on an authorized payment: the intent is committed, the gateway asked, the outcome committed.

Capture and void share this protocol. ``GatewayOperation`` is the intent; a transaction has at most
one that is pending or has succeeded, so two acts never race at the gateway.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Conflict, ServiceError, Unavailable
from payments_project.idempotency.keys import KeyClaim, claim_key, store_reply
from payments_project.idempotency.models import IdempotencyKey
from payments_project.idempotency.replies import Replies, store_refusal
from payments_project.tenancy import Scope
from transactions import states
from transactions.errors import TransactionStateInvalid
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.locking import lock_operation, lock_transaction
from transactions.models import GatewayOperation, Transaction
from transactions.services.contradictions import note_late_act
from transactions.transition import Change, move_locked_transaction

# What a result means for the transaction; None where it stays as it is.
ChangeFor = Callable[[Transaction, GatewayResult], Change | None]
# What else is written in the transaction that commits the intent, such as a member of staff's audit
# entry.
Within = Callable[[Transaction, GatewayOperation], None]


def begin_operation(
    *,
    scope: Scope | None,
    transaction_id: UUID,
    kind: str,
    amount_of: Callable[[Transaction], int],
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[Transaction],
    cause: str = "requested",
    within: Within | None = None,
) -> tuple[Transaction, GatewayOperation, UUID | None]:
    """Commits the intent of an act on an authorized transaction, the key claimed with it, and what
    ``within`` writes.

    Raises ``TransactionStateInvalid`` unless the transaction is authorized and no other act is
    under way, and what ``amount_of`` raises; such a refusal is stored under the key first.
    ``KeyTaken`` if the key has a row already.
    """

    def work() -> tuple[Transaction, GatewayOperation, UUID | None] | ServiceError:
        transaction = lock_transaction(transaction_id=transaction_id, scope=scope)
        key_id = claim_key(claim) if claim else None
        try:
            amount = _require_authorized(transaction, kind, amount_of)
        except Conflict as refusal:
            return store_refusal(key_id, refusal, replies)
        operation = GatewayOperation(
            transaction=transaction,
            kind=kind,
            amount=amount,
            cause=cause,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        operation.save(force_insert=True)
        if within:
            within(transaction, operation)
        if key_id:
            IdempotencyKey.objects.filter(pk=key_id).update(resource_id=str(operation.pk))
        return transaction, operation, key_id

    begun = run_in_transaction(work)
    if isinstance(begun, ServiceError):
        raise begun
    return begun


def finish_operation(
    *,
    operation: GatewayOperation,
    result: GatewayResult,
    change_for: ChangeFor,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Commits an act's outcome, its reply with it, and returns the transaction.

    Unknown: the act stays pending and the transaction as it was, and the reply says so. Refused or
    unreachable: the act has failed, the transaction is as it was, and ``Unavailable`` is raised
    after its reply is stored. If somebody else settled the act meanwhile (the resolver), theirs
    stands, and is told as if it were this one's; an answer that contradicts it is kept for staff.
    """

    def work() -> Transaction | ServiceError:
        transaction, current = lock_operation(operation)
        note_late_act(transaction=transaction, operation=current, result=result)
        if result.outcome is not Outcome.UNKNOWN and current.status == GatewayOperation.PENDING:
            change = change_for(transaction, result)
            if change is None:
                _close(current, GatewayOperation.FAILED, result)
            else:
                _close(current, GatewayOperation.SUCCEEDED, result)
                move_locked_transaction(transaction=transaction, change=change, actor=actor)
        if current.status == GatewayOperation.FAILED:
            refusal = Unavailable(
                "The gateway did not do this; the transaction is as it was.",
                code="gateway_unavailable",
                retry_after=10,
            )
            return store_refusal(key_id, refusal, replies)
        if key_id:
            store_reply(key_id, replies.of(transaction))
        return transaction

    finished = run_in_transaction(work)
    if isinstance(finished, ServiceError):
        raise finished
    return finished


def _require_authorized(
    transaction: Transaction, kind: str, amount_of: Callable[[Transaction], int]
) -> int:
    if transaction.status != states.AUTHORIZED:
        raise TransactionStateInvalid(
            f"A transaction that is {transaction.status} can't be "
            f"{'captured' if kind == GatewayOperation.CAPTURE else 'cancelled'}."
        )
    if GatewayOperation.objects.filter(
        transaction=transaction, status=GatewayOperation.PENDING
    ).exists():
        raise TransactionStateInvalid(
            "Another capture or cancellation of this transaction is under way."
        )
    return amount_of(transaction)


def _close(operation: GatewayOperation, status: str, result: GatewayResult) -> None:
    operation.status = status
    operation.response = dict(result.response)
    operation.finished_at = datetime.now(UTC)
    operation.save(update_fields=["status", "response", "finished_at"])
