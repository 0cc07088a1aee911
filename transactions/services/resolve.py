"""Settling what a gateway's silence or a killed process left open: ask, never guess."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from merchants.terms import get_terms
from payments_project.actor import SYSTEM
from payments_project.database.uuid7 import uuid7_floor
from payments_project.errors import ServiceError
from payments_project.idempotency.keys import Resumption
from payments_project.idempotency.replies import NoReplies, Replies
from transactions import states
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.lease import gateway_lease_seconds
from transactions.gateways.registry import get_gateway
from transactions.models import GatewayOperation, Transaction
from transactions.services.cancel import finish_cancel
from transactions.services.capture import finish_capture
from transactions.services.resume import resume_transaction

logger = logging.getLogger(__name__)


def resolve_unknown_outcomes(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about every payment and act that is pending past its lease.

    Returns how many were asked about and how many are settled now. Safe to run twice or at once:
    outcomes are written only to what is still pending. One that fails doesn't stop the others.
    """
    oldest_leased = datetime.now(UTC) - timedelta(seconds=gateway_lease_seconds())
    asked = settled = 0
    for transaction in Transaction.objects.filter(
        status=states.PENDING, id__lt=uuid7_floor(oldest_leased)
    ).order_by("id")[:batch]:
        asked += 1
        settled += _resolve_transaction(transaction)
    for operation in GatewayOperation.objects.filter(
        # By id, which has the time of the row itself: created_at has that of a transaction that
        # may have waited for a lock before the gateway was asked.
        status=GatewayOperation.PENDING,
        id__lt=uuid7_floor(oldest_leased),
    ).select_related("transaction")[:batch]:
        asked += 1
        settled += _resolve_operation(operation)
    return {"asked": asked, "settled": settled}


def _resolve_transaction(transaction: Transaction) -> bool:
    try:
        resolved = resume_transaction(
            transaction_id=transaction.pk,
            actor=SYSTEM,
            terms=get_terms(transaction.merchant_id),
            key_id=None,
            replies=NoReplies(),
        )
    except Exception:
        logger.exception("could not resolve transaction %s", transaction.pk)
        return False
    return resolved.status != states.PENDING


def _resolve_operation(operation: GatewayOperation) -> bool:
    """A capture or void that was asked for but not answered: the charge's state tells."""
    try:
        complete_operation(operation)
    except ServiceError:
        pass  # The act has failed for certain, which settles it.
    except Exception:
        logger.exception("could not resolve %s %s", operation.kind, operation.pk)
        return False
    operation.refresh_from_db()
    return operation.status != GatewayOperation.PENDING


def complete_operation_of_key(
    resumption: Resumption, *, replies: Replies[Transaction]
) -> Transaction:
    """Finishes the act that a dead process began under a key. Raises as the act would, also where
    the act was settled meanwhile."""
    operation = GatewayOperation.objects.select_related("transaction").get(
        pk=UUID(resumption.resource_id)
    )
    return complete_operation(operation, key_id=resumption.key_id, replies=replies)


def complete_operation(
    operation: GatewayOperation,
    *,
    key_id: UUID | None = None,
    replies: Replies[Transaction] | None = None,
) -> Transaction:
    """Brings a pending act to its outcome by looking its charge up. Raises as the act would.

    One that is settled already needs no look-up: its outcome stands and is told.
    """
    replies = replies or NoReplies()
    transaction = operation.transaction
    result = GatewayResult(Outcome.UNKNOWN)
    if operation.status == GatewayOperation.PENDING:
        gateway = get_gateway(transaction.gateway_name)
        stands = call_gateway(gateway.lookup, charge=transaction.pk)
        result = _operation_result(operation, stands)
    if operation.kind == GatewayOperation.CAPTURE:
        return finish_capture(
            operation=operation,
            result=result,
            actor=SYSTEM,
            terms=get_terms(transaction.merchant_id),
            key_id=key_id,
            replies=replies,
        )
    return finish_cancel(
        operation=operation, result=result, actor=SYSTEM, key_id=key_id, replies=replies
    )


def _operation_result(operation: GatewayOperation, stands: GatewayResult) -> GatewayResult:
    if stands.outcome in (Outcome.UNKNOWN, Outcome.UNAVAILABLE):
        return GatewayResult(Outcome.UNKNOWN, message=stands.message)
    if operation.kind == GatewayOperation.CAPTURE:
        if stands.captured_amount == operation.amount:
            return stands
        return GatewayResult(Outcome.DECLINED, message="The capture did not reach the gateway.")
    if stands.outcome is Outcome.NOT_FOUND:
        return GatewayResult(Outcome.SUCCEEDED, response=stands.response)
    return GatewayResult(Outcome.DECLINED, message="The void did not reach the gateway.")
