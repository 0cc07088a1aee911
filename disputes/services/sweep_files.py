"""Removing files that no dispute shows."""

import logging
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from disputes.locking import try_lock_file
from disputes.models import DisputeEvidenceFile, EvidenceFile
from disputes.storage import remove_file
from payments_project.database.transaction_manager import run_in_transaction

logger = logging.getLogger(__name__)

# A merchant uploads first and stages later, perhaps after asking somebody.
KEPT_UNUSED = timedelta(days=7)
# Longer than any upload takes.
KEPT_UNSTORED = timedelta(hours=1)


def sweep_files(*, batch: int = 1000) -> dict[str, int]:
    """Removes files that no dispute has shown for seven days since they came, and what is left of
    uploads that never ended; returns how many were found and how many are gone.

    Each is first marked, under its row's lock, so that no dispute can take it up any more; then its
    content is removed, then its row. A process that dies in between leaves a mark for the next run.
    """
    used = Exists(DisputeEvidenceFile.objects.filter(file=OuterRef("pk")))
    found = EvidenceFile.objects.filter(
        Q(removed_at__isnull=False)
        | Q(stored_at__isnull=True, created_at__lt=Now() - KEPT_UNSTORED)
        | Q(created_at__lt=Now() - KEPT_UNUSED)
    ).filter(~used)
    counts = {"found": 0, "removed": 0}
    for file_id in list(found.order_by("pk").values_list("pk", flat=True)[:batch]):
        counts["found"] += 1
        try:
            counts["removed"] += _remove(file_id)
        except Exception:
            logger.exception("file %s could not be removed", file_id)
    return counts


def _remove(file_id: UUID) -> bool:
    def mark() -> EvidenceFile | None:
        file = try_lock_file(file_id)
        if file is None or file.uses.exists():
            return None
        EvidenceFile.objects.filter(pk=file.pk, removed_at=None).update(removed_at=Now())
        return file

    file = run_in_transaction(mark)
    if file is None:
        return False
    remove_file(file)
    EvidenceFile.objects.filter(pk=file_id).delete()
    return True
