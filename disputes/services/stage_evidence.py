"""Staging evidence: what a merchant says and shows is collected until it is submitted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Sum

from disputes.access import files_of
from disputes.evidence import FILE_FIELDS, TOTAL_FILE_BYTES_MAX, merged
from disputes.locking import lock_files
from disputes.models import Dispute, DisputeEvidenceFile, EvidenceFile
from disputes.snapshot import dispute_snapshot
from payments_project.actor import Actor
from payments_project.errors import FieldError, InvalidInput
from payments_project.events.record import record_event
from payments_project.tenancy import Scope
from transactions.services.update import UNCHANGED


def stage_evidence(
    *,
    dispute: Dispute,
    changes: Mapping[str, str | None],
    merchant_response: str | None,
    actor: Actor,
) -> bool:
    """Lays ``changes`` over the evidence of a dispute whose row the caller has locked, and may
    change; None takes a field away. Returns whether anything is different now, which is an event.

    Files are locked, and must be the merchant's own. Raises ``InvalidInput`` with the field
    (``evidence.receipt``) for a file that there is not, and where all together are too large.
    """
    evidence = merged(dispute.evidence or {}, changes)
    response = dispute.merchant_response if merchant_response is UNCHANGED else merchant_response
    if (evidence, response) == ((dispute.evidence or {}), dispute.merchant_response):
        return False
    _link_files(dispute, evidence, changes)
    dispute.evidence = evidence
    dispute.merchant_response = response
    dispute.updated_at = datetime.now(UTC)
    dispute.save(update_fields=["evidence", "merchant_response", "updated_at"])
    record_event(
        aggregate=dispute, type="dispute.updated", data=dispute_snapshot(dispute), actor=actor
    )
    return True


def _link_files(dispute: Dispute, evidence: Mapping[str, str], changes: Mapping[str, Any]) -> None:
    """The rows that say which file stands where, as ``evidence`` will have it."""
    changed = [name for name in FILE_FIELDS if name in changes]
    if not changed:
        return
    scope = Scope(dispute.merchant_id, dispute.environment)
    wanted = {name: UUID(evidence[name]) for name in changed if name in evidence}
    found = {file.pk: file for file in lock_files(files_of(scope).filter(pk__in=wanted.values()))}
    missing = [name for name, file_id in wanted.items() if file_id not in found]
    if missing:
        errors = tuple(
            FieldError(f"evidence.{name}", "resource_missing", "No such file.") for name in missing
        )
        raise InvalidInput(
            f"{errors[0].param}: No such file.",
            param=errors[0].param,
            code="resource_missing",
            errors=errors if len(errors) > 1 else (),
        )
    DisputeEvidenceFile.objects.filter(dispute=dispute, field__in=changed).delete()
    DisputeEvidenceFile.objects.bulk_create(
        DisputeEvidenceFile(dispute=dispute, field=name, file=found[file_id])
        for name, file_id in wanted.items()
    )
    used = EvidenceFile.objects.filter(uses__dispute=dispute)
    total = used.aggregate(total=Sum("size"))["total"] or 0
    if total > TOTAL_FILE_BYTES_MAX:
        raise InvalidInput(
            f"The files have {total} bytes together; the most is {TOTAL_FILE_BYTES_MAX}.",
            param="evidence",
        )
