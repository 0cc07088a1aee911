"""A payment's revision: raised with everything that a search document shows of it."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection
from django.db.models import F

from transactions.models import Transaction

_OF_CUSTOMERS = """
WITH shown AS (
    SELECT id FROM transactions
     WHERE customer_id = ANY(%(customers)s) AND id > %(after)s
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


def raise_revisions_of_customers(
    customer_ids: Iterable[UUID], *, after: UUID, limit: int
) -> list[UUID]:
    """Raises the revisions of customers' payments, the first ``limit`` with ids greater than
    ``after``, once the customers' change is committed. Returns the payments' ids in order; locks
    their rows to the end of the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            _OF_CUSTOMERS, {"customers": list(customer_ids), "after": after, "limit": limit}
        )
        return sorted(row[0] for row in cursor.fetchall())


def raise_revisions_past(versions: Mapping[UUID, int]) -> None:
    """Raises payments' revisions past what somebody else has made their documents' versions, in the
    caller's transaction. Locks their rows."""
    with connection.cursor() as cursor:
        cursor.execute(_PAST, [list(versions), list(versions.values())])
