"""Voiding an authorized payment."""

from uuid import UUID

from payments_project.actor import Actor
from payments_project.idempotency.keys import KeyClaim
from payments_project.idempotency.replies import Replies
from payments_project.tenancy import Scope
from transactions import states
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.registry import get_gateway
from transactions.models import GatewayOperation, Transaction
from transactions.services.operations import Within, begin_operation, finish_operation
from transactions.services.outcome_or_pending import outcome_or_pending
from transactions.transition import Change

EXPIRED = "expired"


def cancel_transaction(
    *,
    scope: Scope | None,
    transaction_id: UUID,
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[Transaction],
    cause: str = "requested",
    within: Within | None = None,
) -> Transaction:
    """Releases the held funds; the transaction is cancelled for good. Where the gateway's answer is
    unknown, or could not be written, it stays authorized until the gateway has been asked.
    ``within`` writes what belongs to the intent.

    Raises ``TransactionStateInvalid`` unless authorized, ``Unavailable`` when the gateway did not
    do it, ``ResourceMissing`` and ``KeyTaken``.
    """
    transaction, operation, key_id = begin_operation(
        scope=scope,
        transaction_id=transaction_id,
        kind=GatewayOperation.VOID,
        amount_of=lambda held: held.amount,
        actor=actor,
        claim=claim,
        replies=replies,
        cause=cause,
        within=within,
    )
    return outcome_or_pending(
        ask=lambda: call_gateway(get_gateway(transaction.gateway_name).void, charge=transaction.pk),
        finish=lambda result: finish_cancel(
            operation=operation, result=result, actor=actor, key_id=key_id, replies=replies
        ),
        pending=lambda: transaction,
        replies=replies,
        intent=f"void {operation.pk} of transaction {transaction.pk}",
    )


def finish_cancel(
    *,
    operation: GatewayOperation,
    result: GatewayResult,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Commits what the gateway said of a void; see ``finish_operation``."""

    def change_for(_transaction: Transaction, result: GatewayResult) -> Change | None:
        if result.outcome is not Outcome.SUCCEEDED:
            return None
        return Change(status=states.CANCELLED)

    return finish_operation(
        operation=operation,
        result=result,
        change_for=change_for,
        actor=actor,
        key_id=key_id,
        replies=replies,
    )
