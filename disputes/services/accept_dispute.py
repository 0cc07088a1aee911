"""Accepting a dispute: the merchant gives in."""

from uuid import UUID

from disputes.locking import lock_dispute
from disputes.models import Dispute, DisputeOperation
from disputes.services.dispute_acts import (
    Within,
    ask_and_finish,
    insert_operation,
    nothing,
    require_open,
)
from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Conflict, ServiceError
from payments_project.idempotency.keys import KeyClaim, claim_key
from payments_project.idempotency.replies import Replies, store_refusal
from payments_project.tenancy import Scope


def accept_dispute(
    *,
    scope: Scope | None,
    dispute_id: UUID,
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[Dispute],
    within: Within = nothing,
) -> Dispute:
    """Gives an open dispute up, for good: a chargeback is lost, and what was held for it is taken.

    An inquiry becomes ``warning_closed``: nothing was held, so there is nothing to lose, and it may
    still become a chargeback; a merchant who agrees with the cardholder refunds the payment.
    Possible after the last day too. Where the gateway's answer is unknown the dispute is told as it
    was, and the gateway is asked again. ``within`` is called in the transaction that commits the
    intent.

    Raises ``EvidenceAlreadySubmitted``, ``DisputeStateInvalid``, ``Unavailable``,
    ``ResourceMissing`` and ``KeyTaken``.
    """

    def work() -> tuple[Dispute, DisputeOperation, UUID | None] | ServiceError:
        _, dispute = lock_dispute(dispute_id, scope=scope)
        key_id = claim_key(claim) if claim else None
        try:
            require_open(dispute)
        except Conflict as refusal:
            return store_refusal(key_id, refusal, replies)
        within(dispute)
        operation = insert_operation(
            dispute=dispute, kind=DisputeOperation.ACCEPT, actor=actor, key_id=key_id
        )
        return dispute, operation, key_id

    begun = run_in_transaction(work)
    if isinstance(begun, ServiceError):
        raise begun
    dispute, operation, key_id = begun
    return ask_and_finish(
        operation=operation, dispute=dispute, actor=actor, key_id=key_id, replies=replies
    )
