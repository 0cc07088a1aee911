"""Capturing an authorized payment, in full or in part."""

from uuid import UUID

from merchants.terms import MerchantTerms
from payments_project.actor import Actor
from payments_project.idempotency.keys import KeyClaim
from payments_project.idempotency.replies import Replies
from payments_project.tenancy import Scope
from transactions.errors import AmountExceedsCapturable
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.registry import get_gateway
from transactions.models import GatewayOperation, Transaction
from transactions.outcomes import captured_change
from transactions.services.operations import Within, begin_operation, finish_operation
from transactions.services.outcome_or_pending import outcome_or_pending
from transactions.transition import Change


def capture_transaction(
    *,
    scope: Scope,
    transaction_id: UUID,
    amount: int | None,
    actor: Actor,
    terms: MerchantTerms,
    claim: KeyClaim | None,
    replies: Replies[Transaction],
    within: Within | None = None,
) -> Transaction:
    """Captures ``amount`` (minor units; None is all of it) and releases the rest; once only.

    The transaction succeeds, its fee is set and both are entered in the ledger. Where the
    gateway's answer is unknown, or could not be written, it stays authorized until the gateway has
    been asked. ``within`` writes what belongs to the intent.

    Raises ``TransactionStateInvalid`` unless authorized, ``AmountExceedsCapturable``,
    ``Unavailable`` when the gateway did not do it, ``ResourceMissing`` and ``KeyTaken``.
    """

    def amount_of(transaction: Transaction) -> int:
        wanted = transaction.amount if amount is None else amount
        if wanted > transaction.amount:
            raise AmountExceedsCapturable(
                f"At most {transaction.amount} can be captured.", param="amount"
            )
        return wanted

    transaction, operation, key_id = begin_operation(
        scope=scope,
        transaction_id=transaction_id,
        kind=GatewayOperation.CAPTURE,
        amount_of=amount_of,
        actor=actor,
        claim=claim,
        replies=replies,
        within=within,
    )
    return outcome_or_pending(
        ask=lambda: call_gateway(
            get_gateway(transaction.gateway_name).capture,
            charge=transaction.pk,
            reference=operation.pk,
            amount=operation.amount,
        ),
        finish=lambda result: finish_capture(
            operation=operation,
            result=result,
            actor=actor,
            terms=terms,
            key_id=key_id,
            replies=replies,
        ),
        pending=lambda: transaction,
        replies=replies,
        intent=f"capture {operation.pk} of transaction {transaction.pk}",
    )


def finish_capture(
    *,
    operation: GatewayOperation,
    result: GatewayResult,
    actor: Actor,
    terms: MerchantTerms,
    key_id: UUID | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Commits what the gateway said of a capture; see ``finish_operation``."""

    def change_for(transaction: Transaction, result: GatewayResult) -> Change | None:
        if result.outcome not in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
            return None
        return captured_change(
            transaction=transaction, result=result, terms=terms, asked=operation.amount
        )

    return finish_operation(
        operation=operation,
        result=result,
        change_for=change_for,
        actor=actor,
        key_id=key_id,
        replies=replies,
    )
