"""The auditor: everything that the books say, recomputed from the ledger's entries and the rows.

Each check is one SQL statement that returns the rows in which two accounts of the same money
differ; a sound system returns none.
"""

from dataclasses import dataclass

from django.db import connection, transaction

SAMPLE_ROWS = 20


@dataclass(frozen=True, slots=True)
class Check:
    """``sql`` returns a row per difference: what it is about, what was expected, what is there."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that should not be."""

    check: str
    subject: str
    expected: str
    found: str


_SIDES = """
    SELECT entry.*, side.account, side.delta FROM ledger_entries AS entry
     CROSS JOIN LATERAL (VALUES (debit_account, -amount), (credit_account, amount))
        AS side (account, delta)"""
# What the folder has seen, so that its rows can be compared while payments go on.
_FOLDED = f"""
    SELECT side.* FROM ({_SIDES}) AS side, event_cursors AS cursor
     WHERE cursor.name = 'ledger_balances' AND pg_visible_in_snapshot(xid, cursor.snapshot)"""
# Per transaction: what the ledger says it brought, cost and gave back.
_BY_TRANSACTION = """
    SELECT transaction_id,
           coalesce(sum(amount) FILTER (WHERE type = 'payment'), 0) AS paid,
           coalesce(sum(amount) FILTER (WHERE type = 'fee'), 0) AS fee,
           coalesce(sum(amount) FILTER (WHERE type = 'refund'), 0)
         - coalesce(sum(amount) FILTER (WHERE type = 'refund_failure'), 0) AS refunded
      FROM ledger_entries WHERE transaction_id IS NOT NULL GROUP BY transaction_id"""
_REFUNDS = """
    SELECT transaction_id, sum(amount) FILTER (WHERE status = 'succeeded') AS succeeded,
           sum(amount) FILTER (WHERE status IN ('pending', 'succeeded')) AS counted
      FROM refunds GROUP BY transaction_id"""

CHECKS = (
    Check(
        "balances equal the entries folded into them",
        f"""
        SELECT merchant_id || ' ' || environment || ' ' || currency || ' ' || account,
               coalesce(entries.total, 0), coalesce(folded.total, 0)
          FROM (SELECT merchant_id, environment, currency, account, sum(delta) AS total
                  FROM ({_FOLDED}) AS seen
                 WHERE account IN ('pending', 'available', 'reserved')
                 GROUP BY 1, 2, 3, 4) AS entries
          FULL JOIN (SELECT merchant_id, environment, currency, bucket.account, bucket.total
                       FROM merchant_balances CROSS JOIN LATERAL
                            (VALUES ('pending', pending_balance), ('available', available_balance),
                                    ('reserved', reserved_balance)) AS bucket (account, total)
                    ) AS folded USING (merchant_id, environment, currency, account)
         WHERE coalesce(entries.total, 0) <> coalesce(folded.total, 0)""",
    ),
    Check(
        "pending days equal the entries folded into them",
        f"""
        SELECT merchant_id || ' ' || currency || ' ' || available_on,
               coalesce(entries.total, 0), coalesce(day.amount, 0)
          FROM (SELECT merchant_id, environment, currency, available_on, sum(delta) AS total
                  FROM ({_FOLDED}) AS seen WHERE account = 'pending'
                 GROUP BY 1, 2, 3, 4) AS entries
          FULL JOIN merchant_pending_days AS day
                 USING (merchant_id, environment, currency, available_on)
         WHERE coalesce(entries.total, 0) <> coalesce(day.amount, 0)""",
    ),
    Check(
        "captured money is in the ledger, once",
        f"""
        SELECT id, CASE WHEN status IN ('succeeded', 'refunded', 'disputed')
                        THEN captured_amount ELSE 0 END, coalesce(paid, 0)
          FROM transactions LEFT JOIN ({_BY_TRANSACTION}) AS booked ON transaction_id = id
         WHERE CASE WHEN status IN ('succeeded', 'refunded', 'disputed')
                    THEN captured_amount ELSE 0 END <> coalesce(paid, 0)""",
    ),
    Check(
        "fees are in the ledger, once",
        f"""
        SELECT id, CASE WHEN status IN ('succeeded', 'refunded', 'disputed')
                        THEN fee_amount ELSE 0 END, coalesce(fee, 0)
          FROM transactions LEFT JOIN ({_BY_TRANSACTION}) AS booked ON transaction_id = id
         WHERE CASE WHEN status IN ('succeeded', 'refunded', 'disputed')
                    THEN fee_amount ELSE 0 END <> coalesce(fee, 0)""",
    ),
    Check(
        "succeeded refunds are in the ledger, once",
        f"""
        SELECT coalesce(booked.transaction_id, made.transaction_id),
               coalesce(succeeded, 0), coalesce(refunded, 0)
          FROM ({_REFUNDS}) AS made
          FULL JOIN ({_BY_TRANSACTION}) AS booked USING (transaction_id)
         WHERE coalesce(succeeded, 0) <> coalesce(refunded, 0)""",
    ),
    Check(
        "refunded amounts count the pending and succeeded refunds",
        f"""
        SELECT id, coalesce(counted, 0), refunded_amount
          FROM transactions LEFT JOIN ({_REFUNDS}) AS made ON transaction_id = id
         WHERE coalesce(counted, 0) <> refunded_amount""",
    ),
    Check(
        "a transaction is refunded when its refunds equal what was captured",
        f"""
        SELECT id, 'refunded iff ' || captured_amount || ' = ' || coalesce(succeeded, 0), status
          FROM transactions LEFT JOIN ({_REFUNDS}) AS made ON transaction_id = id
         WHERE status IN ('succeeded', 'refunded')
           AND (status = 'refunded') <> (coalesce(succeeded, 0) = captured_amount)""",
    ),
    Check(
        "disputes hold what the ledger reserves for them",
        f"""
        SELECT dispute.id, CASE WHEN status IN ('open', 'under_review')
                                THEN held_amount + fee_amount ELSE 0 END, coalesce(held, 0)
          FROM disputes AS dispute
          LEFT JOIN (SELECT source_id, sum(delta) AS held FROM ({_SIDES}) AS side
                      WHERE account = 'reserved' GROUP BY source_id) AS booked
                 ON booked.source_id = dispute.id
         WHERE CASE WHEN status IN ('open', 'under_review')
                    THEN held_amount + fee_amount ELSE 0 END <> coalesce(held, 0)""",
    ),
    Check(
        "the simulator charged what our records say, and no more",
        """
        SELECT coalesce(ours.id, theirs.reference),
               coalesce(theirs.status || ' ' || theirs.captured_amount, 'nothing'),
               coalesce(ours.status || ' ' || coalesce(ours.captured_amount, 0), 'nothing')
          FROM (SELECT * FROM transactions WHERE gateway_name = 'simulator'
                   AND status <> 'pending') AS ours
          FULL JOIN (SELECT * FROM gateway_simulator_charges
                      WHERE NOT EXISTS (SELECT 1 FROM transactions
                                         WHERE id = reference AND status = 'pending')) AS theirs
                 ON reference = ours.id
         WHERE CASE
            WHEN ours.status IN ('succeeded', 'refunded', 'disputed', 'captured')
                THEN theirs.captured_amount IS DISTINCT FROM ours.captured_amount
            WHEN ours.id IS NULL THEN theirs.status NOT IN ('declined', 'voided')
            WHEN ours.status = 'authorized'
                THEN theirs.status IS DISTINCT FROM 'authorized'
                     AND NOT EXISTS (SELECT 1 FROM gateway_operations AS operation
                                      WHERE operation.transaction_id = ours.id
                                        AND operation.status = 'pending')
            ELSE coalesce(theirs.status NOT IN ('declined', 'voided'), false) END""",
    ),
    Check(
        "every event of an object has its place in the sequence",
        """
        SELECT aggregateid, 'sequence 1 to ' || count(*), min(sequence) || ' to ' || max(sequence)
          FROM events GROUP BY aggregateid
        HAVING count(*) <> max(sequence) OR min(sequence) <> 1
            OR count(DISTINCT sequence) <> count(*)""",
    ),
    Check(
        "no transaction, refund or entry without its merchant",
        """
        SELECT DISTINCT merchant_id::text, 'a merchant', 'none'
          FROM (SELECT merchant_id FROM transactions UNION SELECT merchant_id FROM refunds
                UNION SELECT merchant_id FROM ledger_entries) AS used
         WHERE NOT EXISTS (SELECT 1 FROM merchants WHERE merchants.id = used.merchant_id)""",
    ),
    Check(
        "no transaction without its customer",
        """
        SELECT transactions.id, customer_id::text, 'none' FROM transactions
         WHERE customer_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM customers WHERE customers.id = customer_id)""",
    ),
)


def audit_books(*, checks: tuple[Check, ...] = CHECKS) -> list[Finding]:
    """Runs every check on one snapshot of the database; returns up to 20 differences of each.

    Reads only. One snapshot for all (REPEATABLE READ), so that it can run while payments go on.
    """
    findings: list[Finding] = []
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = 0")
        for check in checks:
            cursor.execute(f"SELECT * FROM ({check.sql}) AS difference LIMIT {SAMPLE_ROWS}")
            findings += [Finding(check.name, *map(str, row)) for row in cursor.fetchall()]
    return findings
