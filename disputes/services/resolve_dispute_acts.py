"""Settling what was asked about disputes and never answered, or whose process died."""

from contextlib import suppress
from uuid import UUID

from disputes import states
from disputes.models import Dispute, DisputeOperation
from disputes.services.dispute_acts import complete
from payments_project.database.uuid7 import UUID7Before
from payments_project.errors import ServiceError
from payments_project.idempotency.keys import Resumption
from payments_project.idempotency.replies import NoReplies, Replies
from transactions.gateways.lease import gateway_lease_seconds
from transactions.services.ask_gateways import Waiting, ask_gateways


def resolve_dispute_acts(*, batch: int = 500) -> dict[str, int]:
    """Asks gateways again, under the same references, about evidence and acceptances that are
    pending past their lease.

    Returns how many were asked about and how many are settled now (``ask_gateways``). Safe to run
    twice or at once: of one reference a gateway takes one submission.
    """
    waiting = DisputeOperation.objects.filter(
        status=states.PENDING, id__lt=UUID7Before(gateway_lease_seconds())
    )
    return ask_gateways(
        Waiting("dispute act", waiting, "dispute__transaction__gateway_name", _resolve),
        job="resolve_dispute_acts",
        batch=batch,
    )


def complete_act_of_key(resumption: Resumption, *, replies: Replies[Dispute]) -> Dispute:
    """Finishes the act that a dead process began under a key. Raises as the act would."""
    operation = DisputeOperation.objects.get(pk=UUID(resumption.resource_id))
    return complete(operation, key_id=resumption.key_id, replies=replies)


def _resolve(operation_id: UUID) -> bool:
    operation = DisputeOperation.objects.get(pk=operation_id)
    # Refused, it has failed for certain, which settles it.
    with suppress(ServiceError):
        complete(operation, key_id=None, replies=NoReplies())
    operation.refresh_from_db()
    return operation.status != states.PENDING
