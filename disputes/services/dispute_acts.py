"""What is asked of a gateway about a dispute: the intent is committed, the gateway asked, the
outcome committed. Submitting evidence and accepting share this protocol.

``DisputeOperation`` is the intent, and its id the gateway's idempotency key: an unknown outcome is
found out by asking again. While one is pending nothing else may change the dispute.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from disputes import states
from disputes.errors import DisputeOverdue, DisputeStateInvalid, EvidenceAlreadySubmitted
from disputes.evidence import FILE_FIELDS
from disputes.locking import lock_dispute, lock_dispute_operation
from disputes.models import Dispute, DisputeEvidenceFile, DisputeOperation
from disputes.services.close_dispute import close_dispute
from disputes.snapshot import dispute_snapshot
from disputes.storage import read_file
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ServiceError, Unavailable
from payments_project.events.record import record_event
from payments_project.idempotency.keys import store_reply
from payments_project.idempotency.models import IdempotencyKey
from payments_project.idempotency.replies import Replies, store_refusal
from transactions.gateways.calls import call_gateway
from transactions.gateways.external import EXTERNAL
from transactions.gateways.interface import Document, Evidence, Gateway, GatewayResult, Outcome
from transactions.gateways.registry import get_gateway
from transactions.services.contradictions import keep_contradicting_answer
from transactions.services.outcome_or_pending import outcome_or_pending
from transactions.services.raise_revision import raise_revision

DECLINED = "declined"
GATEWAY_UNAVAILABLE = "gateway_unavailable"
_TAKEN = (Outcome.SUCCEEDED, Outcome.ACCEPTED)

# What else is to be written with the intent: a member of staff's audit entry.
Within = Callable[[Dispute], object]


def nothing(_dispute: Dispute) -> None:
    """What merchants' own acts write besides."""


def require_answerable(dispute: Dispute) -> None:
    """Raises what forbids to change or send the evidence of a dispute, whose lock the caller has:
    ``EvidenceAlreadySubmitted``, ``DisputeStateInvalid``, ``DisputeOverdue``."""
    require_open(dispute)
    if is_overdue(dispute):
        raise DisputeOverdue(f"It had to be answered by {dispute.due_date}.")


def require_open(dispute: Dispute) -> None:
    """Raises ``EvidenceAlreadySubmitted`` or ``DisputeStateInvalid`` unless the dispute is open
    and nothing is being asked about it. The caller holds its lock."""
    pending = pending_operation(dispute)
    is_sent = pending is not None and pending.kind == DisputeOperation.SUBMIT
    if dispute.status == states.UNDER_REVIEW or is_sent:
        raise EvidenceAlreadySubmitted("The evidence was submitted, which is possible once.")
    if pending is not None:
        raise DisputeStateInvalid("The dispute is being accepted.")
    if dispute.status != states.OPEN:
        raise DisputeStateInvalid(f"A dispute that is {dispute.status} can't be answered.")


def is_overdue(dispute: Dispute) -> bool:
    """Whether the last day on which the dispute can be answered is over, in UTC."""
    return dispute.due_date is not None and dispute.due_date < datetime.now(UTC).date()


def pending_operation(dispute: Dispute) -> DisputeOperation | None:
    """What the gateway is being asked about a dispute, if anything."""
    return dispute.operations.filter(status=states.PENDING).first()


def insert_operation(
    *, dispute: Dispute, kind: str, actor: Actor, key_id: UUID | None
) -> DisputeOperation:
    """The intent, in the caller's transaction, which holds the dispute's lock; a key that the call
    was made under will find it again."""
    operation = DisputeOperation(
        dispute=dispute, kind=kind, actor_kind=actor.kind, actor_id=actor.id
    )
    operation.save(force_insert=True)
    if key_id:
        IdempotencyKey.objects.filter(pk=key_id).update(resource_id=str(operation.pk))
    return operation


def ask_and_finish(
    *,
    operation: DisputeOperation,
    dispute: Dispute,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Dispute],
) -> Dispute:
    """Steps two and three, after the intent is committed. Where the gateway's answer is unknown, or
    can't be written, the dispute is told as it was, and the resolver asks again."""
    return outcome_or_pending(
        ask=lambda: ask(operation),
        finish=lambda result: finish(
            operation=operation, result=result, actor=actor, key_id=key_id, replies=replies
        ),
        pending=lambda: dispute,
        replies=replies,
        intent=f"{operation.kind} {operation.pk} of dispute {dispute.pk}",
    )


def ask(operation: DisputeOperation) -> GatewayResult:
    """Puts the operation to its gateway, for the first time or again; outside of transactions."""
    dispute = Dispute.objects.select_related("transaction").get(pk=operation.dispute_id)
    gateway, name = gateway_of(dispute), dispute.gateway_dispute_id or str(dispute.pk)
    if operation.kind == DisputeOperation.ACCEPT:
        return call_gateway(gateway.accept_dispute, dispute=name, reference=operation.pk)
    return call_gateway(
        gateway.submit_evidence,
        dispute=name,
        reference=operation.pk,
        evidence=evidence_of(dispute),
    )


def gateway_of(dispute: Dispute) -> Gateway:
    """Who takes the answers to a dispute: its payment's gateway if that knows of it, else staff."""
    return get_gateway(dispute.transaction.gateway_name if dispute.is_at_gateway else EXTERNAL)


def evidence_of(dispute: Dispute) -> Evidence:
    """The evidence as gateways take it; the files' contents are read when they ask for them."""
    given = dispute.evidence or {}
    uses = DisputeEvidenceFile.objects.select_related("file").filter(dispute=dispute)
    return Evidence(
        texts={name: text for name, text in given.items() if name not in FILE_FIELDS},
        documents={
            use.field: Document(
                filename=use.file.filename,
                content_type=use.file.content_type,
                read=partial(read_file, use.file),
            )
            for use in uses
        },
        merchant_response=dispute.merchant_response,
    )


def finish(
    *,
    operation: DisputeOperation,
    result: GatewayResult,
    actor: Actor,
    key_id: UUID | None,
    replies: Replies[Dispute],
) -> Dispute:
    """Commits what the gateway said, the reply with it, and returns the dispute.

    Taken: evidence is submitted and the dispute under review; or it is accepted, which loses a
    chargeback and closes an inquiry. Unknown: all stays as it was. Not taken: the operation has
    failed, and ``DisputeStateInvalid`` (the gateway refused) or ``Unavailable`` (it could not be
    reached) is raised after its reply is stored. What somebody else has settled meanwhile stands.
    """

    def work() -> Dispute | ServiceError:
        _, dispute = lock_dispute(operation.dispute_id)
        current = lock_dispute_operation(operation)
        if result.outcome is not Outcome.UNKNOWN:
            if current.status == states.PENDING:
                dispute = _settle(dispute, current, result, actor)
            else:
                _note_late_answer(dispute, current, result)
        if current.status == states.FAILED:
            return store_refusal(key_id, _refusal(current), replies)
        if key_id:
            store_reply(key_id, replies.of(dispute))
        return dispute

    finished = run_in_transaction(work)
    if isinstance(finished, ServiceError):
        raise finished
    return finished


def complete(
    operation: DisputeOperation, *, key_id: UUID | None, replies: Replies[Dispute]
) -> Dispute:
    """Brings an operation whose outcome is unknown to its end by asking again under the same
    reference. Raises as the act would. One that is settled already is told as it is."""
    result = GatewayResult(Outcome.UNKNOWN)
    if operation.status == states.PENDING:
        result = ask(operation)
        if result.outcome is Outcome.UNAVAILABLE:
            # Of the call before it, "certainly nothing happened" says nothing.
            result = GatewayResult(Outcome.UNKNOWN, message=result.message)
    return finish(operation=operation, result=result, actor=SYSTEM, key_id=key_id, replies=replies)


def _settle(
    dispute: Dispute, operation: DisputeOperation, result: GatewayResult, actor: Actor
) -> Dispute:
    is_taken = result.outcome in _TAKEN
    operation.status = states.SUCCEEDED if is_taken else states.FAILED
    if not is_taken:
        declined = result.outcome is not Outcome.UNAVAILABLE
        operation.failure_reason = DECLINED if declined else GATEWAY_UNAVAILABLE
    operation.response = dict(result.response)
    operation.finished_at = datetime.now(UTC)
    operation.save(update_fields=["status", "failure_reason", "response", "finished_at"])
    if not is_taken or dispute.status != states.OPEN:
        return dispute
    if operation.kind == DisputeOperation.SUBMIT:
        return _mark_submitted(dispute, actor)
    is_inquiry = dispute.dispute_type == Dispute.INQUIRY
    status = states.WARNING_CLOSED if is_inquiry else states.LOST
    return close_dispute(dispute_id=dispute.pk, status=status, actor=actor)


def _mark_submitted(dispute: Dispute, actor: Actor) -> Dispute:
    dispute.status = states.UNDER_REVIEW
    dispute.evidence_submitted_at = dispute.updated_at = datetime.now(UTC)
    dispute.save(update_fields=["status", "evidence_submitted_at", "updated_at"])
    raise_revision(dispute.transaction_id)
    record_event(
        aggregate=dispute,
        type="dispute.evidence_submitted",
        data=dispute_snapshot(dispute),
        previous={"status": states.OPEN},
        actor=actor,
    )
    return dispute


def _refusal(operation: DisputeOperation) -> ServiceError:
    if operation.failure_reason == DECLINED:
        return DisputeStateInvalid("The gateway did not take it; the dispute is as it was.")
    return Unavailable(
        "The gateway could not be reached; the dispute is as it was.",
        code=GATEWAY_UNAVAILABLE,
        retry_after=10,
    )


def _note_late_answer(dispute: Dispute, operation: DisputeOperation, result: GatewayResult) -> None:
    if (result.outcome in _TAKEN) != (operation.status == states.SUCCEEDED):
        keep_contradicting_answer(
            gateway_name=dispute.transaction.gateway_name,
            call=operation.kind,
            reference=operation.pk,
            text=f"the answer to {operation.kind} is {result.outcome.value},"
            f" and it has {operation.status}",
        )
