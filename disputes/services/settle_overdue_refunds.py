"""Accepted refunds whose outcome never came: a gateway's message can be lost, so ask."""

from uuid import UUID

from django.conf import settings

from disputes import states
from disputes.models import Refund
from disputes.services.finish_refund import finish_refund
from payments_project.actor import SYSTEM
from payments_project.database.uuid7 import UUID7Before
from payments_project.idempotency.replies import NoReplies
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.gateways.registry import get_gateway
from transactions.services.ask_gateways import Waiting, ask_gateways


def settle_overdue_refunds(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about refunds that it accepted, that were made longer than
    ``GATEWAY_MESSAGE_OVERDUE_SECONDS`` ago and whose outcome it has not told.

    Only an explicit success or refusal settles one: a gateway that has accepted a refund and
    doesn't know it now is no proof that the money stayed. Returns how many were asked about and
    how many are settled now (``ask_gateways``). Safe to run twice or at once, and beside the
    message itself.
    """
    waiting = Refund.objects.filter(
        status=states.PENDING,
        awaits_gateway=True,
        id__lt=UUID7Before(settings.GATEWAY_MESSAGE_OVERDUE_SECONDS),
    )
    return ask_gateways(
        Waiting("refund", waiting, "transaction__gateway_name", _ask_about),
        job="settle_overdue_refunds",
        batch=batch,
    )


def _ask_about(refund_id: UUID) -> bool:
    refund = Refund.objects.select_related("transaction").get(pk=refund_id)
    gateway = get_gateway(refund.transaction.gateway_name)
    result = call_gateway(gateway.lookup_refund, reference=refund.pk)
    if result.outcome not in (Outcome.SUCCEEDED, Outcome.DECLINED):
        return False
    finished = finish_refund(
        refund_id=refund.pk, result=result, actor=SYSTEM, key_id=None, replies=NoReplies()
    )
    return finished.status != states.PENDING
