"""Asking the gateway at once about a payment that waits for it, as the resolvers do by the clock."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from merchants.terms import get_terms
from payments_project.actor import Actor
from payments_project.database.uuid7 import uuid7_time
from payments_project.errors import ServiceError
from payments_project.idempotency.replies import NoReplies
from transactions import states
from transactions.errors import TransactionStateInvalid
from transactions.gateways.lease import gateway_lease_seconds
from transactions.models import GatewayOperation, Transaction
from transactions.services.confirm_overdue import confirm_by_asking
from transactions.services.resolve import complete_operation
from transactions.services.resume import resume_transaction


def ask_again(*, transaction_id: UUID, actor: Actor) -> Transaction:
    """Asks what became of a pending payment, of a capture or void under way, or of a capture whose
    confirmation has not come, and commits what it hears; returns the transaction as it then is.

    Never sends anything that could charge twice. Raises ``TransactionStateInvalid`` where nothing
    waits for the gateway, and while its call may still be under way. Outside a transaction.
    """
    transaction = Transaction.objects.get(pk=transaction_id)
    if transaction.status == states.PENDING:
        _require_past_lease(transaction.pk)
        return resume_transaction(
            transaction_id=transaction.pk,
            actor=actor,
            terms=get_terms(transaction.merchant_id),
            key_id=None,
            replies=NoReplies(),
        )
    if transaction.status == states.CAPTURED:
        confirm_by_asking(transaction.pk)
    else:
        _ask_about_act(transaction)
    transaction.refresh_from_db()
    return transaction


def waits_for_gateway(transaction: Transaction) -> bool:
    """Whether there is anything to ask the gateway about."""
    return (
        transaction.status in (states.PENDING, states.CAPTURED)
        or _pending_act(transaction) is not None
    )


def _pending_act(transaction: Transaction) -> GatewayOperation | None:
    if transaction.status != states.AUTHORIZED:
        return None
    return (
        GatewayOperation.objects.select_related("transaction")
        .filter(transaction=transaction, status=GatewayOperation.PENDING)
        .first()
    )


def _ask_about_act(transaction: Transaction) -> None:
    operation = _pending_act(transaction)
    if operation is None:
        raise TransactionStateInvalid("Nothing of it waits for the gateway.")
    _require_past_lease(operation.pk)
    # Refused or barred, the act has failed for certain: the transaction's page shows that.
    with suppress(ServiceError):
        complete_operation(operation)


def _require_past_lease(reference: UUID) -> None:
    """By its id, which has the time of the row itself."""
    until = uuid7_time(reference) + timedelta(seconds=gateway_lease_seconds())
    if datetime.now(UTC) < until:
        raise TransactionStateInvalid("The gateway's call may still be under way; wait a minute.")
