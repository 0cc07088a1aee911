"""Confirming or failing a capture that the gateway had accepted earlier."""

from uuid import UUID

from merchants.terms import get_terms
from payments_project.actor import Actor
from transactions import states
from transactions.locking import lock_transaction
from transactions.models import Transaction
from transactions.outcomes import captured_movements
from transactions.transition import Change, move_locked_transaction


def confirm_capture(*, transaction_id: UUID, succeeded: bool, actor: Actor) -> Transaction:
    """CAPTURED becomes SUCCEEDED with its ledger entries, or FAILED; in the caller's transaction.

    Does nothing to a transaction in another state: callbacks come twice and late. Locks the row.
    Raises ``ResourceMissing``.
    """
    transaction = lock_transaction(transaction_id=transaction_id)
    if transaction.status != states.CAPTURED:
        return transaction
    if succeeded:
        change = Change(
            status=states.SUCCEEDED,
            movements=captured_movements(
                transaction=transaction,
                amount=transaction.captured_amount or 0,
                fee=transaction.fee_amount,
                delay_days=get_terms(transaction.merchant_id).settlement_delay_days,
            ),
        )
    else:
        change = Change(
            status=states.FAILED,
            captured_amount=0,
            fee_amount=0,
            failure_code="processing_error",
            failure_message="The gateway could not complete the payment.",
        )
    move_locked_transaction(transaction=transaction, change=change, actor=actor)
    return transaction
