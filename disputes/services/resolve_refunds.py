"""Settling refunds whose gateway call was never answered, or whose process died."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from disputes import states
from disputes.models import Refund
from disputes.services.cancel_refund import cancelling_refunds, complete_cancellation
from disputes.services.finish_refund import finish_refund
from payments_project.actor import SYSTEM, Actor
from payments_project.database.uuid7 import UUID7Before
from payments_project.errors import ServiceError
from payments_project.idempotency.replies import NoReplies, Replies
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.lease import gateway_lease_seconds
from transactions.gateways.registry import get_gateway
from transactions.services.ask_gateways import Waiting, ask_gateways


def resolve_refunds(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about refunds that are pending past their lease and await no message, and
    about those that were to be cancelled and whose bar was never answered.

    Returns how many were asked about and how many are settled now (``ask_gateways``). Safe to run
    twice or at once.
    """
    # By id, as their index has them; it has the time of the row.
    waiting = Refund.objects.filter(
        status=states.PENDING,
        awaits_gateway=False,
        cancel_requested_at__isnull=True,
        id__lt=UUID7Before(gateway_lease_seconds()),
    )
    cancelling = cancelling_refunds().filter(
        cancel_requested_at__lt=Now() - timedelta(seconds=gateway_lease_seconds())
    )
    return ask_gateways(
        Waiting("refund", waiting, "transaction__gateway_name", _resolve),
        Waiting("cancellation", cancelling, "transaction__gateway_name", _resolve_cancellation),
        job="resolve_refunds",
        batch=batch,
    )


def _resolve(refund_id: UUID) -> bool:
    try:
        refund = complete_pending_refund(
            refund_id=refund_id, actor=SYSTEM, key_id=None, replies=NoReplies()
        )
    except ServiceError:
        return True  # It has failed for certain.
    return refund.status != states.PENDING or refund.awaits_gateway


def _resolve_cancellation(refund_id: UUID) -> bool:
    # Refused, the refund goes on as it would have: the cancellation is settled.
    with suppress(ServiceError):
        complete_cancellation(refund_id=refund_id)
    return not cancelling_refunds().filter(pk=refund_id).exists()


def complete_pending_refund(
    *, refund_id: UUID, actor: Actor, key_id: UUID | None, replies: Replies[Refund]
) -> Refund:
    """Brings a refund past its lease to its outcome by asking the gateway; it is not sent again.

    One that the gateway does not know is barred there first, so that a late arrival of the lost
    call can't pay it out, and only then has failed. Raises ``Unavailable`` for that.
    """
    refund = Refund.objects.select_related("transaction").get(pk=refund_id)
    result = GatewayResult(Outcome.UNKNOWN)
    if refund.status == states.PENDING and not refund.awaits_gateway:
        result = _ask_about(refund)
    return finish_refund(
        refund_id=refund.pk, result=result, actor=actor, key_id=key_id, replies=replies
    )


def _ask_about(refund: Refund) -> GatewayResult:
    """What became of a refund. NOT_FOUND is answered only once its reference is barred."""
    gateway = get_gateway(refund.transaction.gateway_name)
    result = call_gateway(gateway.lookup_refund, reference=refund.pk)
    if result.outcome is Outcome.UNAVAILABLE:
        return GatewayResult(Outcome.UNKNOWN, message=result.message)
    if result.outcome is not Outcome.NOT_FOUND:
        return result
    barred = call_gateway(gateway.bar_refund, charge=refund.transaction_id, reference=refund.pk)
    if barred.outcome is Outcome.SUCCEEDED:
        return result
    # It arrived between the two questions, or can't be barred: ask again later.
    return GatewayResult(Outcome.UNKNOWN, message=barred.message)
