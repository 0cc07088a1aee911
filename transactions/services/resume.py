"""Completing a payment whose process died: ask the gateway, never send again."""

from uuid import UUID

from merchants.terms import MerchantTerms
from payments_project.actor import Actor
from payments_project.idempotency.replies import Replies
from transactions import states
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Gateway, GatewayResult, Outcome
from transactions.gateways.registry import get_gateway
from transactions.models import Transaction
from transactions.outcomes import change_for
from transactions.services.create import commit_outcome


def resume_transaction(
    *,
    transaction_id: UUID,
    actor: Actor,
    terms: MerchantTerms,
    key_id: UUID | None,
    replies: Replies[Transaction],
) -> Transaction:
    """Brings a transaction past its lease to its outcome and stores the reply of ``key_id``.

    A charge that the gateway does not know is first barred there (voided under our reference), so
    that a late arrival of the lost call can't charge; then it has failed. While the gateway does
    not answer, the transaction stays pending. Call it after the lease only.
    """
    transaction = Transaction.objects.get(pk=transaction_id)
    change = None
    if transaction.status == states.PENDING:
        result = ask_gateway(get_gateway(transaction.gateway_name), transaction.pk)
        change = change_for(transaction=transaction, result=result, terms=terms)
    return commit_outcome(
        transaction=transaction, change=change, actor=actor, key_id=key_id, replies=replies
    )


def ask_gateway(gateway: Gateway, charge: UUID) -> GatewayResult:
    """What became of a charge. NOT_FOUND is answered only once the reference is barred."""
    result = call_gateway(gateway.lookup, charge=charge)
    if result.outcome is Outcome.UNAVAILABLE:
        return GatewayResult(Outcome.UNKNOWN, message=result.message)
    if result.outcome is not Outcome.NOT_FOUND:
        return result
    barred = call_gateway(gateway.void, charge=charge)
    if barred.outcome is Outcome.SUCCEEDED:
        return result
    # It arrived between the two questions, or the gateway is silent: ask again later.
    return GatewayResult(Outcome.UNKNOWN, message=barred.message)
