"""Settling what a gateway's silence or a killed process left open: ask, never guess."""

from contextlib import suppress
from uuid import UUID

from merchants.terms import get_terms
from payments_project.actor import SYSTEM
from payments_project.database.uuid7 import UUID7Before
from payments_project.errors import ServiceError
from payments_project.idempotency.keys import Resumption
from payments_project.idempotency.replies import NoReplies, Replies
from transactions import states
from transactions.errors import GatewayContractBroken
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Gateway, GatewayResult, Outcome
from transactions.gateways.lease import gateway_lease_seconds
from transactions.gateways.registry import get_gateway
from transactions.models import GatewayOperation, Transaction
from transactions.outcomes import require_captured_amount
from transactions.services.ask_gateways import Waiting, ask_gateways
from transactions.services.cancel import finish_cancel
from transactions.services.capture import finish_capture
from transactions.services.resume import resume_transaction


def resolve_unknown_outcomes(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about payments and acts that are pending past their lease.

    Returns how many were asked about and how many are settled now (``ask_gateways``). Safe to run
    twice or at once: outcomes are written only to what is still pending.
    """
    # By id, which has the time of the row itself: created_at has that of a transaction that may
    # have waited for a lock before the gateway was asked.
    past_lease = UUID7Before(gateway_lease_seconds())
    payments = Transaction.objects.filter(status=states.PENDING, id__lt=past_lease)
    acts = GatewayOperation.objects.filter(status=GatewayOperation.PENDING, id__lt=past_lease)
    return ask_gateways(
        Waiting("transaction", payments, "gateway_name", _resolve_transaction),
        Waiting("act", acts, "transaction__gateway_name", _resolve_operation),
        job="resolve_unknown_outcomes",
        batch=batch,
    )


def _resolve_transaction(transaction_id: UUID) -> bool:
    merchants = Transaction.objects.values_list("merchant_id", flat=True)
    resolved = resume_transaction(
        transaction_id=transaction_id,
        actor=SYSTEM,
        terms=get_terms(merchants.get(pk=transaction_id)),
        key_id=None,
        replies=NoReplies(),
    )
    return resolved.status != states.PENDING


def _resolve_operation(operation_id: UUID) -> bool:
    """A capture or void that was asked for but not answered: the charge's state tells."""
    operation = GatewayOperation.objects.select_related("transaction").get(pk=operation_id)
    # Refused or barred, the act has failed for certain, which settles it.
    with suppress(ServiceError):
        complete_operation(operation)
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

    One that is settled already needs no look-up: its outcome stands and is told. A capture that the
    gateway has not carried out is barred there first, and only then has failed. A charge that is
    still held though it was to be voided is voided now: asking for that again does nothing twice.
    """
    replies = replies or NoReplies()
    transaction = operation.transaction
    result = GatewayResult(Outcome.UNKNOWN)
    if operation.status == GatewayOperation.PENDING:
        result = _ask_about(operation)
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


def _ask_about(operation: GatewayOperation) -> GatewayResult:
    gateway = get_gateway(operation.transaction.gateway_name)
    stands = call_gateway(gateway.lookup, charge=operation.transaction_id)
    if operation.kind == GatewayOperation.CAPTURE:
        return _capture_result(gateway, operation, stands)
    return _void_result(gateway, operation, stands)


def _capture_result(
    gateway: Gateway, operation: GatewayOperation, stands: GatewayResult
) -> GatewayResult:
    """What became of a capture. DECLINED only once its reference is barred."""
    if stands.outcome in (Outcome.UNKNOWN, Outcome.UNAVAILABLE):
        return _unknown(stands)
    if captured := _captured(operation, stands):
        if captured != operation.amount:
            raise GatewayContractBroken(
                f"{captured} was captured of {operation.transaction_id}, not {operation.amount}"
            )
        return stands
    barred = call_gateway(
        gateway.bar_capture, charge=operation.transaction_id, reference=operation.pk
    )
    if barred.outcome is not Outcome.SUCCEEDED:
        # It was carried out between the two questions, or can't be barred: ask again later.
        return _unknown(barred)
    return GatewayResult(Outcome.DECLINED, message="The capture did not reach the gateway.")


def _void_result(
    gateway: Gateway, operation: GatewayOperation, stands: GatewayResult
) -> GatewayResult:
    """What became of a void, or becomes of it now."""
    if stands.outcome in (Outcome.UNKNOWN, Outcome.UNAVAILABLE):
        return _unknown(stands)
    if stands.outcome is Outcome.NOT_FOUND:
        return GatewayResult(Outcome.SUCCEEDED, response=stands.response)
    if stands.outcome is Outcome.DECLINED or _captured(operation, stands):
        return GatewayResult(Outcome.DECLINED, message="There is nothing to void.")
    again = call_gateway(gateway.void, charge=operation.transaction_id)
    # Of the call before it, "certainly nothing happened" says nothing.
    return _unknown(again) if again.outcome is Outcome.UNAVAILABLE else again


def _captured(operation: GatewayOperation, stands: GatewayResult) -> int:
    if stands.outcome not in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
        return 0
    return require_captured_amount(operation.transaction, stands)


def _unknown(result: GatewayResult) -> GatewayResult:
    return GatewayResult(Outcome.UNKNOWN, message=result.message)
