"""A merchant's answer to a dispute: evidence is staged, and submitted once."""

from collections.abc import Mapping
from uuid import UUID

from disputes.locking import lock_dispute
from disputes.models import Dispute, DisputeOperation
from disputes.services.dispute_acts import (
    Within,
    ask_and_finish,
    insert_operation,
    nothing,
    require_answerable,
)
from disputes.services.stage_evidence import stage_evidence
from payments_project.actor import Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import Conflict, InvalidInput, ServiceError
from payments_project.idempotency.keys import KeyClaim, claim_key, store_reply
from payments_project.idempotency.replies import Replies, store_refusal
from payments_project.tenancy import Scope


def respond_to_dispute(
    *,
    scope: Scope | None,
    dispute_id: UUID,
    changes: Mapping[str, str | None],
    merchant_response: str | None,
    submit: bool,
    actor: Actor,
    claim: KeyClaim | None,
    replies: Replies[Dispute],
    within: Within = nothing,
) -> Dispute:
    """Stages evidence, and with ``submit`` sends all of it to the gateway, for good.

    ``merchant_response`` is UNCHANGED where none was given, and None to take it away.
    Until the end of ``due_date`` in UTC, which is asked under the row's lock; what is sent by then
    counts, whenever the gateway answers. Where its answer is unknown the dispute is told as it was,
    still open; it is sent again under the same reference until the gateway has answered.
    ``within`` is called in the transaction that commits the intent.

    Raises ``EvidenceAlreadySubmitted``, ``DisputeStateInvalid`` and ``DisputeOverdue``;
    ``InvalidInput`` for evidence that is wrong, too much, or nothing at all to submit;
    ``Unavailable`` where the gateway could not be reached; ``ResourceMissing``, ``KeyTaken``.
    """

    def work() -> tuple[Dispute, DisputeOperation | None, UUID | None] | ServiceError:
        _, dispute = lock_dispute(dispute_id, scope=scope)
        key_id = claim_key(claim) if claim else None
        try:
            require_answerable(dispute)
        except Conflict as refusal:
            return store_refusal(key_id, refusal, replies)
        stage_evidence(
            dispute=dispute, changes=changes, merchant_response=merchant_response, actor=actor
        )
        within(dispute)
        if not submit:
            if key_id:
                store_reply(key_id, replies.of(dispute))
            return dispute, None, key_id
        if not (dispute.evidence or dispute.merchant_response):
            raise InvalidInput(
                "There is nothing to submit.", param="evidence", code="parameter_missing"
            )
        operation = insert_operation(
            dispute=dispute, kind=DisputeOperation.SUBMIT, actor=actor, key_id=key_id
        )
        return dispute, operation, key_id

    begun = run_in_transaction(work)
    if isinstance(begun, ServiceError):
        raise begun
    dispute, operation, key_id = begun
    if operation is None:
        return dispute
    return ask_and_finish(
        operation=operation, dispute=dispute, actor=actor, key_id=key_id, replies=replies
    )
