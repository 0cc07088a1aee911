"""Accepted refunds whose outcome never came: a gateway's message can be lost, so ask."""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings

from disputes import states
from disputes.models import Refund
from disputes.services.finish_refund import finish_refund
from payments_project.actor import SYSTEM
from payments_project.idempotency.replies import NoReplies
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.gateways.registry import get_gateway

logger = logging.getLogger(__name__)


def settle_overdue_refunds(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about every refund that it accepted, that was made longer than
    ``GATEWAY_MESSAGE_OVERDUE_SECONDS`` ago and whose outcome it has not told.

    Only an explicit success or refusal settles one: a gateway that has accepted a refund and
    doesn't know it now is no proof that the money stayed. Returns how many were asked about and
    how many are settled now. Safe to run twice or at once, and beside the message itself. One that
    fails doesn't stop the others.
    """
    overdue = datetime.now(UTC) - timedelta(seconds=settings.GATEWAY_MESSAGE_OVERDUE_SECONDS)
    waiting = Refund.objects.filter(
        status=states.PENDING, awaits_gateway=True, created_at__lt=overdue
    ).select_related("transaction")
    asked = settled = 0
    for refund in waiting.order_by("created_at")[:batch]:
        asked += 1
        try:
            settled += _ask_about(refund)
        except Exception:
            logger.exception("could not ask about refund %s", refund.pk)
    return {"asked": asked, "settled": settled}


def _ask_about(refund: Refund) -> bool:
    gateway = get_gateway(refund.transaction.gateway_name)
    result = call_gateway(gateway.lookup_refund, reference=refund.pk)
    if result.outcome not in (Outcome.SUCCEEDED, Outcome.DECLINED):
        return False
    finished = finish_refund(
        refund_id=refund.pk, result=result, actor=SYSTEM, key_id=None, replies=NoReplies()
    )
    return finished.status != states.PENDING
