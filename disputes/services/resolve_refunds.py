"""Settling refunds whose gateway call was never answered, or whose process died."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from disputes import states
from disputes.models import Refund
from disputes.services.finish_refund import finish_refund
from payments_project.actor import SYSTEM, Actor
from payments_project.database.uuid7 import uuid7_floor
from payments_project.errors import ServiceError
from payments_project.idempotency.replies import NoReplies, Replies
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.gateways.lease import gateway_lease_seconds
from transactions.gateways.registry import get_gateway

logger = logging.getLogger(__name__)


def resolve_refunds(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about every refund that is pending past its lease and awaits no message.

    Returns how many were asked about and how many are settled now. Safe to run twice or at once.
    """
    oldest_leased = datetime.now(UTC) - timedelta(seconds=gateway_lease_seconds())
    # By id, which has the time of the row itself: created_at has that of a transaction that may have
    # waited for a lock before the gateway was asked.
    waiting = Refund.objects.filter(
        status=states.PENDING, awaits_gateway=False, id__lt=uuid7_floor(oldest_leased)
    ).values_list("pk", flat=True)
    asked = settled = 0
    for refund_id in list(waiting[:batch]):
        asked += 1
        try:
            refund = complete_pending_refund(
                refund_id=refund_id, actor=SYSTEM, key_id=None, replies=NoReplies()
            )
        except ServiceError:
            settled += 1  # It has failed for certain.
        except Exception:
            logger.exception("could not resolve refund %s", refund_id)
        else:
            settled += refund.status != states.PENDING or refund.awaits_gateway
    return {"asked": asked, "settled": settled}


def complete_pending_refund(
    *, refund_id: UUID, actor: Actor, key_id: UUID | None, replies: Replies[Refund]
) -> Refund:
    """Brings a refund past its lease to its outcome by asking the gateway; it is not sent again.

    One that the gateway does not know has failed. Raises ``Unavailable`` for that.
    """
    refund = Refund.objects.select_related("transaction").get(pk=refund_id)
    result = GatewayResult(Outcome.UNKNOWN)
    if refund.status == states.PENDING and not refund.awaits_gateway:
        gateway = get_gateway(refund.transaction.gateway_name)
        result = call_gateway(gateway.lookup_refund, reference=refund.pk)
        if result.outcome is Outcome.UNAVAILABLE:
            result = GatewayResult(Outcome.UNKNOWN)
    return finish_refund(
        refund_id=refund.pk, result=result, actor=actor, key_id=key_id, replies=replies
    )
