"""What changed the balances between two moments: opening, changes by type of entry, closing.

Balances are kept as they are now, so a past one is reckoned backwards: what stands now, less the
entries since. That looks at the entries from the period's beginning to now, once and by their index
``(merchant_id, environment, id)``, and at none before it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from payments_project.database.statements import planned_for_their_values
from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.cursors import reading_by_cursor
from payments_project.tenancy import Scope
from transactions import ledger_accounts as accounts
from transactions.balances import READ_BALANCES

# Entries are summed up before their sides are told apart: that is a few dozen sums, whatever there
# are of entries.
_CHANGES = f"""
WITH moved AS MATERIALIZED (
    SELECT currency, type, debit_account, credit_account,
           coalesce(sum(amount) FILTER (WHERE id < %(end)s), 0) AS within,
           coalesce(sum(amount) FILTER (WHERE id >= %(end)s), 0) AS since
      FROM ledger_entries
     WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s AND id >= %(begin)s
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     GROUP BY currency, type, debit_account, credit_account
), changes AS (
    SELECT currency, side.bucket, type,
           sum(side.sign * within) AS within, sum(side.sign * since) AS since
      FROM moved
     CROSS JOIN LATERAL (VALUES (debit_account, -1), (credit_account, 1)) AS side (bucket, sign)
     GROUP BY currency, side.bucket, type
)
SELECT statement_timestamp(), balance.currency, bucket.name, bucket.amount, changes.type,
       coalesce(changes.within, 0)::bigint, coalesce(changes.since, 0)::bigint
  FROM ({READ_BALANCES}) AS balance (currency, pending, available, reserved)
 CROSS JOIN LATERAL (VALUES (1, '{accounts.PENDING}', pending),
                            (2, '{accounts.AVAILABLE}', available),
                            (3, '{accounts.RESERVED}', reserved)) AS bucket (place, name, amount)
  LEFT JOIN changes ON changes.currency = balance.currency AND changes.bucket = bucket.name
 WHERE %(currency)s::text IS NULL OR balance.currency = %(currency)s
 ORDER BY balance.currency, bucket.place, changes.type
"""


@dataclass(slots=True)
class BucketChanges:
    """One bucket of one currency in a period; minor units, signed as they change the bucket.

    ``opening`` and ``changes``, by type of entry, add up to ``closing``.
    """

    currency: str
    bucket: str
    opening: int
    closing: int
    changes: dict[str, int] = field(default_factory=dict)


def read_balance_changes(
    *, scope: Scope, begin: datetime, end: datetime, currency: str | None = None
) -> tuple[datetime | None, list[BucketChanges]]:
    """The merchant's buckets from ``begin`` up to, and without, ``end``: by currency, all three of
    each; and when that was read, None where the merchant has no money in any currency.

    In one statement, so on one snapshot: with an ``end`` that is not past, closing is what
    ``read_balances`` would say at that moment. Looks at all entries since ``begin`` (400,000 of
    a year took 0.4 s, the last month's of them 0.02 s). Raises ``CursorOfAnotherCluster``.
    """
    parameters: dict[str, Any] = {
        "merchant_id": scope.merchant_id,
        "environment": scope.environment,
        "currency": currency,
        "begin": uuid7_floor(begin),
        "end": uuid7_floor(end),
    }
    with reading_by_cursor(), planned_for_their_values(), connection.cursor() as cursor:
        cursor.execute(_CHANGES, parameters)
        rows = cursor.fetchall()
    found: dict[tuple[str, str], BucketChanges] = {}
    for _, code, bucket, now, kind, within, since in rows:
        if (code, bucket) not in found:
            found[code, bucket] = BucketChanges(code, bucket, opening=now, closing=now)
        of = found[code, bucket]
        of.closing -= since
        of.opening -= since + within
        if within:
            of.changes[kind] = within
    return (rows[0][0] if rows else None), list(found.values())
