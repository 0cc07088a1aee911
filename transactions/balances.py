"""Balances: folded from the ledger, and read exactly.

The folder's cursor is a PostgreSQL snapshot: it takes the entries that its new snapshot sees and
its last one did not, so no entry is missed or counted twice, however transactions overlap. A
reader adds the entries that are not folded yet to the folded row, in one statement.

A long backlog is folded in pages, each a transaction of its own: the cursor moves to a snapshot that
has seen what the newest one sees below some transaction id. It is a snapshot like any other, so
readers stay exact and a folder may die between pages.
"""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.cursors import reading_by_cursor
from payments_project.tenancy import Scope
from transactions import ledger_accounts as accounts
from transactions.locking import try_advisory_lock

CURSOR = "ledger_balances"
PAGE_ENTRIES = 100_000

# What balances do not hold yet, as changes of one account each.
UNFOLDED = f"""
    SELECT entry.merchant_id, entry.environment, entry.currency, entry.available_on,
           side.account, side.delta, entry.xid
      FROM cursor_snapshot('{CURSOR}') AS cursor (snapshot)
      JOIN ledger_entries AS entry
        ON entry.xid >= pg_snapshot_xmin(cursor.snapshot)
       AND NOT pg_visible_in_snapshot(entry.xid, cursor.snapshot)
     CROSS JOIN LATERAL (VALUES (entry.debit_account, -entry.amount),
                                (entry.credit_account, entry.amount)) AS side (account, delta)
     WHERE side.account IN ('{accounts.PENDING}', '{accounts.AVAILABLE}', '{accounts.RESERVED}')
"""

# The page ends after the transaction of its last entry, or, where there are fewer entries than a
# page, with the newest snapshot. All that the old snapshot saw lies below either end.
_FOLD = f"""
WITH page_end AS MATERIALIZED (
    SELECT coalesce(
        (SELECT (entry.xid::text::numeric + 1)::text::xid8
           FROM ledger_entries AS entry
          WHERE entry.xid >= pg_snapshot_xmax(cursor_snapshot('{CURSOR}'))
          ORDER BY entry.xid OFFSET %(page_entries)s - 1 LIMIT 1),
        pg_snapshot_xmax(pg_current_snapshot())) AS xid
), page AS MATERIALIZED (
    SELECT page_end.xid,
           (coalesce((array_agg(running.xid ORDER BY running.xid))[1], page_end.xid)
            || ':' || page_end.xid || ':'
            || coalesce(string_agg(running.xid::text, ',' ORDER BY running.xid), '')
           )::pg_snapshot AS snapshot
      FROM page_end
      LEFT JOIN pg_snapshot_xip(pg_current_snapshot()) AS running (xid)
        ON running.xid < page_end.xid
     GROUP BY page_end.xid
), fresh AS MATERIALIZED (
    SELECT unfolded.* FROM ({UNFOLDED}) AS unfolded, page
     WHERE unfolded.xid < page.xid AND pg_visible_in_snapshot(unfolded.xid, page.snapshot)
), balance AS (
    INSERT INTO merchant_balances AS balance (merchant_id, environment, currency,
        pending_balance, available_balance, reserved_balance)
    SELECT merchant_id, environment, currency,
           coalesce(sum(delta) FILTER (WHERE account = 'pending'), 0),
           coalesce(sum(delta) FILTER (WHERE account = 'available'), 0),
           coalesce(sum(delta) FILTER (WHERE account = 'reserved'), 0)
      FROM fresh GROUP BY merchant_id, environment, currency
     ORDER BY merchant_id, environment, currency
    ON CONFLICT (merchant_id, environment, currency) DO UPDATE SET
        pending_balance = balance.pending_balance + excluded.pending_balance,
        available_balance = balance.available_balance + excluded.available_balance,
        reserved_balance = balance.reserved_balance + excluded.reserved_balance,
        updated_at = now()
), day AS (
    INSERT INTO merchant_pending_days AS day (merchant_id, environment, currency, available_on,
        amount)
    SELECT merchant_id, environment, currency, available_on, sum(delta)
      FROM fresh WHERE account = 'pending'
     GROUP BY merchant_id, environment, currency, available_on
     ORDER BY merchant_id, environment, currency, available_on
    ON CONFLICT (merchant_id, environment, currency, available_on) DO UPDATE SET
        amount = day.amount + excluded.amount
), moved AS (
    UPDATE event_cursors SET snapshot = page.snapshot, updated_at = now()
      FROM page WHERE name = '{CURSOR}'
)
SELECT (SELECT count(*) FROM fresh), xid < pg_snapshot_xmax(pg_current_snapshot()) FROM page
"""

# Every balance of a merchant, exactly: currency, pending, available, reserved.
READ_BALANCES = f"""
WITH unfolded AS MATERIALIZED (
    SELECT * FROM ({UNFOLDED}) AS fresh
     WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
)
SELECT currency, sum(pending)::bigint, sum(available)::bigint, sum(reserved)::bigint
  FROM (SELECT currency, pending_balance AS pending, available_balance AS available,
               reserved_balance AS reserved
          FROM merchant_balances
         WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
        UNION ALL
        SELECT currency, CASE account WHEN 'pending' THEN delta ELSE 0 END,
               CASE account WHEN 'available' THEN delta ELSE 0 END,
               CASE account WHEN 'reserved' THEN delta ELSE 0 END
          FROM unfolded) AS both_parts
 GROUP BY currency ORDER BY currency
"""

_DUE_DAYS = f"""
SELECT available_on, sum(amount)::bigint
  FROM (SELECT available_on, amount FROM merchant_pending_days
         WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
           AND currency = %(currency)s AND available_on <= %(today)s AND amount <> 0
        UNION ALL
        SELECT available_on, delta FROM ({UNFOLDED}) AS fresh
         WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
           AND currency = %(currency)s AND available_on <= %(today)s
           AND account = 'pending') AS both_parts
 GROUP BY available_on HAVING sum(amount) <> 0 ORDER BY available_on
"""


@dataclass(frozen=True, slots=True)
class Balance:
    """A merchant's money in one currency, in minor units; only ``pending`` is never negative."""

    currency: str
    pending: int
    available: int
    reserved: int


def fold_balances(*, page_entries: int = PAGE_ENTRIES) -> int | None:
    """Folds the ledger's new entries into balances and pending days; returns how many movements of
    accounts it folded, None if another folder was at it from the start.

    In pages of some ``page_entries`` ledger entries, never fewer than one transaction's, so that no
    backlog is too long for the statement time-out. Safe to run twice or at once: one folder works,
    another returns. It must not share a transaction with a ledger entry of its own, which its
    snapshot would not know.
    """
    folded = None
    while (page := fold_page(page_entries=page_entries)) is not None:
        count, more = page
        folded = (folded or 0) + count
        if not more:
            break
    return folded


def fold_page(*, page_entries: int) -> tuple[int, bool] | None:
    """Folds one page, in a transaction of its own; returns how many movements, and whether there
    are more. None while another folder works. Raises ``CursorOfAnotherCluster``.
    """

    def work() -> tuple[int, bool] | None:
        # The lock comes in a statement before the fold's, whose snapshot then sees the last fold.
        if not try_advisory_lock("fold balances"):
            return None
        with reading_by_cursor(), connection.cursor() as cursor:
            cursor.execute(_FOLD, {"page_entries": page_entries})
            count, more = cursor.fetchone()
            return int(count), bool(more)

    return run_in_transaction(work)


def rebuild_balances() -> None:
    """Folds the whole ledger anew, in the caller's transaction and as one page, with a cursor that
    has seen nothing. For ``rebase_cursors``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE merchant_balances SET pending_balance = 0, available_balance = 0,"
            " reserved_balance = 0"
        )
        cursor.execute("UPDATE merchant_pending_days SET amount = 0")
        cursor.execute(_FOLD, {"page_entries": 2**62})


def read_balances(scope: Scope) -> list[Balance]:
    """The merchant's balances at this moment, exactly, by currency. Raises
    ``CursorOfAnotherCluster``."""
    with reading_by_cursor(), connection.cursor() as cursor:
        cursor.execute(
            READ_BALANCES, {"merchant_id": scope.merchant_id, "environment": scope.environment}
        )
        return [Balance(*row) for row in cursor.fetchall()]


def read_due_days(*, scope: Scope, currency: str, today: date) -> list[tuple[date, int]]:
    """The days up to ``today`` with pending money left, and how much (minor units, signed).
    Raises ``CursorOfAnotherCluster``."""
    with reading_by_cursor(), connection.cursor() as cursor:
        cursor.execute(
            _DUE_DAYS,
            {
                "merchant_id": scope.merchant_id,
                "environment": scope.environment,
                "currency": currency,
                "today": today,
            },
        )
        return list(cursor.fetchall())
