"""A payment's revision: raised with everything that a search document shows of it."""

from collections.abc import Mapping
from uuid import UUID

from django.db import connection
from django.db.models import F

from transactions.locking import lock_raise
from transactions.models import Transaction

_LEAST = UUID(int=0)

_OF_CUSTOMER = """
WITH shown AS (
    SELECT id FROM transactions
     WHERE customer_id = %(customer)s AND id > %(after)s
     ORDER BY id LIMIT %(limit)s
       FOR NO KEY UPDATE
)
UPDATE transactions SET revision = revision + 1
  FROM shown
 WHERE transactions.id = shown.id
RETURNING transactions.id
"""
_PAST = """
WITH shown AS (
    SELECT transactions.id, given.version
      FROM transactions
      JOIN unnest(%s::uuid[], %s::bigint[]) AS given (id, version) USING (id)
     ORDER BY transactions.id
       FOR NO KEY UPDATE OF transactions
)
UPDATE transactions SET revision = greatest(transactions.revision, shown.version) + 1
  FROM shown
 WHERE transactions.id = shown.id
"""


def raise_revision(transaction_id: UUID) -> None:
    """Raises it for what changed beside the payment's row (a refund, a dispute), in the transaction
    of that change, which holds the payment's lock: whoever reads the higher revision sees the
    change."""
    Transaction.objects.filter(pk=transaction_id).update(revision=F("revision") + 1)


def raise_revisions_of_customer(*, customer_id: UUID, sequence: int, limit: int) -> bool:
    """Raises the revisions of the next ``limit`` of a customer's payments, in the caller's
    transaction, for the change that the customer's event ``sequence`` told of. True once all of
    them are.

    Each is raised once for a change, however many ask for it and whoever dies. Locks the payments'
    rows, and others out who ask for the same customer.
    """
    progress = lock_raise(customer_id)
    if progress.sequence < sequence:
        progress.sequence, progress.raised_to, progress.is_done = sequence, None, False
    if progress.is_done:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            _OF_CUSTOMER,
            {"customer": customer_id, "after": progress.raised_to or _LEAST, "limit": limit},
        )
        raised = [row[0] for row in cursor.fetchall()]
    progress.is_done = len(raised) < limit
    progress.raised_to = max(raised, default=progress.raised_to)
    progress.save()
    return progress.is_done


def raise_revisions_past(versions: Mapping[UUID, int]) -> None:
    """Raises payments' revisions past what somebody else has made their documents' versions, in the
    caller's transaction. Locks their rows."""
    with connection.cursor() as cursor:
        cursor.execute(_PAST, [list(versions), list(versions.values())])
