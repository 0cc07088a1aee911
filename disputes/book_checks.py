"""What the auditor asks: each check is one SQL statement that returns the rows in which two
accounts of the same money differ, as subject, expected and found; a sound system returns none.

What a check compares, and what no check can see, is in docs/ledger.md.
"""

from dataclasses import dataclass

from disputes.payout_checks import PAYOUT_CHECKS


@dataclass(frozen=True, slots=True)
class Check:
    """``sql`` returns a row per difference: what it is about, what was expected, what is there."""

    name: str
    sql: str


_SIDES = """
    SELECT entry.*, side.account, side.delta FROM ledger_entries AS entry
     CROSS JOIN LATERAL (VALUES (debit_account, -amount), (credit_account, amount))
        AS side (account, delta)"""
# What the folder has seen, so that its rows can be compared while payments go on.
_FOLDED = f"""
    SELECT side.* FROM ({_SIDES}) AS side, event_cursors AS cursor
     WHERE cursor.name = 'ledger_balances' AND pg_visible_in_snapshot(xid, cursor.snapshot)"""
_REFUNDS = """
    SELECT transaction_id, sum(amount) FILTER (WHERE status = 'succeeded') AS succeeded,
           sum(amount) FILTER (WHERE status IN ('pending', 'succeeded')) AS counted
      FROM refunds GROUP BY transaction_id"""
_SUCCESSFUL = "('succeeded', 'refunded', 'disputed')"
# Rows whose every change is an event, with the state that the last one told.
_TOLD = """
    (SELECT 'transaction' AS kind, id, status, event_sequence FROM transactions
     UNION ALL SELECT 'refund', id, status, event_sequence FROM refunds
     UNION ALL SELECT 'dispute', id, status, event_sequence FROM disputes
     UNION ALL SELECT 'payout', id, status, event_sequence FROM payouts)"""
# Rows that a merchant owns and no foreign key ties to it.
_OWNED = """
    (SELECT 'transactions' AS name, merchant_id FROM transactions
     UNION SELECT 'refunds', merchant_id FROM refunds
     UNION SELECT 'disputes', merchant_id FROM disputes
     UNION SELECT 'payouts', merchant_id FROM payouts
     UNION SELECT 'payout accounts', merchant_id FROM payout_accounts
     UNION SELECT 'adjustments', merchant_id FROM balance_adjustments
     UNION SELECT 'ledger entries', merchant_id FROM ledger_entries
     UNION SELECT 'balances', merchant_id FROM merchant_balances
     UNION SELECT 'payment methods', merchant_id FROM payment_methods_vault)"""


def _booked_check(name: str, *, entry_type: str, column: str) -> Check:
    """A transaction's column against the entries of a type that name it."""
    expected = f"CASE WHEN status IN {_SUCCESSFUL} THEN {column} ELSE 0 END"
    return Check(
        name,
        f"""
        SELECT coalesce(id::text, booked.transaction_id::text, 'entries of no transaction'),
               coalesce({expected}, 0), coalesce(total, 0)
          FROM transactions
          FULL JOIN (SELECT transaction_id, sum(amount) AS total FROM ledger_entries
                      WHERE type = '{entry_type}' GROUP BY transaction_id) AS booked
                 ON booked.transaction_id = id
         WHERE coalesce({expected}, 0) <> coalesce(total, 0)""",
    )


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
        SELECT merchant_id || ' ' || environment || ' ' || currency || ' ' || available_on,
               coalesce(entries.total, 0), coalesce(day.amount, 0)
          FROM (SELECT merchant_id, environment, currency, available_on, sum(delta) AS total
                  FROM ({_FOLDED}) AS seen WHERE account = 'pending'
                 GROUP BY 1, 2, 3, 4) AS entries
          FULL JOIN merchant_pending_days AS day
                 USING (merchant_id, environment, currency, available_on)
         WHERE coalesce(entries.total, 0) <> coalesce(day.amount, 0)""",
    ),
    Check(
        "settlement moved no more than was pending",
        f"""
        SELECT merchant_id || ' ' || environment || ' ' || currency || ' ' || available_on,
               'at least 0', sum(delta)
          FROM ({_SIDES}) AS side WHERE account = 'pending'
         GROUP BY merchant_id, environment, currency, available_on HAVING sum(delta) < 0""",
    ),
    Check(
        "every entry moves between the accounts of its type",
        """
        SELECT id, type, debit_account || ' to ' || credit_account FROM ledger_entries
         WHERE NOT CASE type
            WHEN 'payment' THEN debit_account = 'gateway'
                            AND credit_account IN ('pending', 'available')
            WHEN 'fee' THEN debit_account IN ('pending', 'available') AND credit_account = 'fees'
            WHEN 'refund' THEN debit_account = 'available' AND credit_account = 'gateway'
            WHEN 'refund_failure' THEN debit_account = 'gateway' AND credit_account = 'available'
            WHEN 'dispute_hold' THEN debit_account = 'available' AND credit_account = 'reserved'
            WHEN 'dispute_release' THEN debit_account = 'reserved' AND credit_account = 'available'
            WHEN 'dispute_loss' THEN debit_account = 'reserved'
                                 AND credit_account IN ('gateway', 'fees')
            WHEN 'settlement' THEN (debit_account, credit_account) IN
                                   (('pending', 'available'), ('available', 'pending'))
            WHEN 'payout' THEN debit_account = 'available' AND credit_account = 'bank'
            WHEN 'payout_failure' THEN debit_account = 'bank' AND credit_account = 'available'
            ELSE 'adjustments' IN (debit_account, credit_account)
                 OR (description = 'taken elsewhere' AND transaction_id IS NOT NULL
                     AND (debit_account, credit_account) IN
                         (('available', 'gateway'), ('gateway', 'available'))) IS TRUE END""",
    ),
    Check(
        "every entry has its payment's merchant and currency, and its refund or dispute",
        """
        SELECT entry.id,
               concat_ws(' ', payment.merchant_id, payment.environment, payment.currency,
                         CASE WHEN entry.type IN ('payment', 'fee') THEN payment.id
                              ELSE coalesce(refund.id, dispute.id) END),
               concat_ws(' ', entry.merchant_id, entry.environment, entry.currency, source_id)
          FROM ledger_entries AS entry
          LEFT JOIN transactions AS payment ON payment.id = entry.transaction_id
          LEFT JOIN refunds AS refund ON refund.id = source_id
                AND refund.transaction_id = payment.id
                AND entry.type IN ('refund', 'refund_failure')
          LEFT JOIN disputes AS dispute ON dispute.id = source_id
                AND dispute.transaction_id = payment.id AND entry.type LIKE 'dispute%'
         WHERE (entry.type IN ('payment', 'fee', 'refund', 'refund_failure')
                OR entry.type LIKE 'dispute%')
           AND ((entry.merchant_id, entry.environment, entry.currency)
                    IS DISTINCT FROM (payment.merchant_id, payment.environment, payment.currency)
                OR source_id IS DISTINCT FROM CASE WHEN entry.type IN ('payment', 'fee')
                    THEN payment.id ELSE coalesce(refund.id, dispute.id) END)""",
    ),
    _booked_check(
        "captured money is in the ledger, once", entry_type="payment", column="captured_amount"
    ),
    _booked_check("fees are in the ledger, once", entry_type="fee", column="fee_amount"),
    Check(
        "succeeded refunds are in the ledger, once",
        """
        SELECT coalesce(id, source_id), CASE WHEN status = 'succeeded' THEN amount ELSE 0 END,
               coalesce(total, 0)
          FROM refunds
          FULL JOIN (SELECT source_id, sum(CASE type WHEN 'refund' THEN amount ELSE -amount END)
                            AS total
                       FROM ledger_entries WHERE type IN ('refund', 'refund_failure')
                      GROUP BY source_id) AS booked ON source_id = id
         WHERE CASE WHEN status = 'succeeded' THEN amount ELSE 0 END <> coalesce(total, 0)""",
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
        "a transaction is disputed while a chargeback on it is open or lost",
        f"""
        SELECT id, CASE WHEN held THEN 'disputed' ELSE 'not disputed' END, status
          FROM (SELECT id, status, EXISTS (
                    SELECT 1 FROM disputes WHERE transaction_id = transactions.id
                       AND dispute_type = 'chargeback'
                       AND disputes.status IN ('open', 'under_review', 'lost')) AS held
                  FROM transactions WHERE status IN {_SUCCESSFUL}) AS payment
         WHERE held <> (status = 'disputed')""",
    ),
    Check(
        "disputes held, hold and cost what the ledger says",
        f"""
        SELECT coalesce(id, source_id)::text, concat_ws(' ', 'held', total, 'holds', holds,
                        'returned', returned, 'fees', fees), coalesce(booked, 'nothing')
          FROM (SELECT id, held_amount + fee_amount AS total,
                       CASE WHEN status IN ('open', 'under_review')
                            THEN held_amount + fee_amount ELSE 0 END AS holds,
                       CASE WHEN status = 'lost' THEN held_amount ELSE 0 END AS returned,
                       CASE WHEN status = 'lost' OR (status = 'won' AND NOT fee_is_returned)
                            THEN fee_amount ELSE 0 END AS fees
                  FROM disputes) AS dispute
          FULL JOIN (
                SELECT source_id, concat_ws(' ',
                       'held', coalesce(sum(delta) FILTER (
                            WHERE type = 'dispute_hold' AND account = 'reserved'), 0),
                       'holds', coalesce(sum(delta) FILTER (WHERE account = 'reserved'), 0),
                       'returned', coalesce(sum(delta) FILTER (WHERE account = 'gateway'), 0),
                       'fees', coalesce(sum(delta) FILTER (WHERE account = 'fees'), 0)) AS booked
                  FROM ({_SIDES}) AS side WHERE type LIKE 'dispute%' GROUP BY source_id) AS entries
                 ON source_id = id
         WHERE concat_ws(' ', 'held', total, 'holds', holds, 'returned', returned, 'fees', fees)
               <> coalesce(booked, 'held 0 holds 0 returned 0 fees 0')""",
    ),
    Check(
        "refunds and disputes have their payment's merchant and currency",
        """
        SELECT made.id, coalesce(concat_ws(' ', payment.merchant_id, payment.environment,
                                           payment.currency), 'a payment'),
               concat_ws(' ', made.merchant_id, made.environment, made.currency)
          FROM (SELECT id, transaction_id, merchant_id, environment, currency FROM refunds
                UNION ALL
                SELECT id, transaction_id, merchant_id, environment, currency FROM disputes) AS made
          LEFT JOIN transactions AS payment ON payment.id = transaction_id
         WHERE (made.merchant_id, made.environment, made.currency)
               IS DISTINCT FROM (payment.merchant_id, payment.environment, payment.currency)""",
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
                     OR theirs.currency IS DISTINCT FROM ours.currency
            WHEN ours.id IS NULL THEN theirs.status NOT IN ('declined', 'voided')
            WHEN ours.status = 'authorized'
                THEN theirs.status IS DISTINCT FROM 'authorized'
                     AND NOT EXISTS (SELECT 1 FROM gateway_operations AS operation
                                      WHERE operation.transaction_id = ours.id
                                        AND operation.status = 'pending')
            ELSE coalesce(theirs.status NOT IN ('declined', 'voided'), false) END""",
    ),
    Check(
        "the simulator refunded what our records say, and no more",
        """
        SELECT coalesce(ours.id, theirs.reference),
               coalesce(theirs.status || ' ' || theirs.amount, 'nothing'),
               coalesce(ours.status || ' ' || ours.amount, 'nothing')
          FROM (SELECT refund.* FROM refunds AS refund JOIN transactions AS payment
                    ON payment.id = transaction_id AND gateway_name = 'simulator') AS ours
          FULL JOIN gateway_simulator_refunds AS theirs ON reference = ours.id
         WHERE (ours.status IS NULL OR ours.status <> 'pending')
           AND (CASE WHEN ours.status = 'succeeded' THEN ours.amount ELSE 0 END)
               <> (CASE WHEN theirs.status IN ('failed', 'barred') THEN 0
                        ELSE coalesce(theirs.amount, 0) END)
           -- What the simulator has told, or will tell, and nobody has heard yet.
           AND NOT EXISTS (SELECT 1 FROM gateway_simulator_callbacks
                            WHERE sent_at IS NULL AND message #>> '{data,refund}' = ours.id::text)
           AND NOT EXISTS (SELECT 1 FROM gateway_callbacks
                            WHERE processed_at IS NULL AND payload ->> 'refund' = ours.id::text)""",
    ),
    Check(
        "the simulator's disputes stand as our records say",
        """
        SELECT coalesce(ours.id::text, theirs.gateway_id),
               coalesce(concat_ws(' ', theirs.dispute_type, theirs.status, theirs.amount),
                        'nothing'),
               coalesce(concat_ws(' ', ours.dispute_type, ours.status, ours.amount), 'nothing')
          FROM gateway_simulator_disputes AS theirs
          FULL JOIN (SELECT * FROM disputes WHERE gateway_dispute_id LIKE 'sim\\_dp\\_%') AS ours
                 ON gateway_dispute_id = theirs.gateway_id
         WHERE ((theirs.charge_id, theirs.dispute_type, theirs.amount)
                    IS DISTINCT FROM (ours.transaction_id, ours.dispute_type::text, ours.amount)
            OR CASE
                WHEN theirs.status IN ('won', 'lost', 'warning_closed')
                    THEN ours.status <> theirs.status
                WHEN theirs.status = 'under_review' THEN ours.status = 'open'
                ELSE ours.status = 'under_review' END
            -- Decided here and not there: by staff, or because nobody had answered in time.
            OR (theirs.status IN ('needs_response', 'under_review')
                AND ours.status IN ('won', 'lost', 'warning_closed')
                AND NOT EXISTS (SELECT 1 FROM events WHERE aggregateid = ours.id::text
                                   AND type = 'dispute.closed'
                                   AND actor_kind IN ('staff', 'system'))))
           -- What the simulator has told and nobody has heard yet, or what is being asked of it.
           AND NOT EXISTS (SELECT 1 FROM gateway_simulator_callbacks WHERE sent_at IS NULL
                              AND message #>> '{data,dispute}' = theirs.gateway_id)
           AND NOT EXISTS (SELECT 1 FROM gateway_callbacks WHERE processed_at IS NULL
                              AND payload ->> 'dispute' = theirs.gateway_id)
           AND NOT EXISTS (SELECT 1 FROM dispute_operations AS asked
                            WHERE asked.dispute_id = ours.id AND asked.status = 'pending')""",
    ),
    Check(
        "evidence names the files that are kept for it",
        """
        SELECT coalesce(shown.dispute_id, kept.dispute_id) || ' '
                   || coalesce(shown.field, kept.field),
               coalesce(kept.file_id::text, 'none'), coalesce(shown.file, 'none')
          FROM (SELECT disputes.id AS dispute_id, given.key AS field, given.value AS file
                  FROM disputes CROSS JOIN LATERAL jsonb_each_text(evidence) AS given
                 WHERE given.key IN ('customer_communication', 'receipt', 'shipping_documentation',
                       'service_documentation', 'refund_policy', 'cancellation_policy',
                       'customer_signature', 'duplicate_charge_documentation',
                       'uncategorized_file')) AS shown
          FULL JOIN (SELECT link.*, file.merchant_id, file.environment, file.removed_at
                       FROM dispute_evidence_files AS link
                       JOIN evidence_files AS file ON file.id = link.file_id) AS kept
                 ON kept.dispute_id = shown.dispute_id AND kept.field = shown.field
          LEFT JOIN disputes ON disputes.id = kept.dispute_id
         WHERE kept.file_id::text IS DISTINCT FROM shown.file OR kept.removed_at IS NOT NULL
            OR (kept.merchant_id, kept.environment)
               IS DISTINCT FROM (disputes.merchant_id, disputes.environment)""",
    ),
    Check(
        "no gateway has told what our record denies",
        """
        SELECT gateway_name || ' ' || type || ' ' || message_id, 'what our record says',
               outcome || ' ' || payload
          FROM gateway_callbacks WHERE outcome LIKE 'contradiction: %'""",
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
        "the last event of a payment, refund, dispute or payout tells its state",
        f"""
        SELECT coalesce(kind || ' ' || id, told.aggregatetype || ' ' || told.aggregateid),
               coalesce('event ' || event_sequence || ' ' || object.status, 'no event'),
               coalesce('event ' || told.sequence || ' ' || told.status, 'no event')
          FROM {_TOLD} AS object
          FULL JOIN (SELECT DISTINCT ON (aggregatetype, aggregateid) aggregatetype, aggregateid,
                            sequence, payload #>> '{{object,status}}' AS status
                       FROM events
                      WHERE aggregatetype IN ('transaction', 'refund', 'dispute', 'payout')
                      ORDER BY aggregatetype, aggregateid, sequence DESC) AS told
                 ON told.aggregatetype = kind AND told.aggregateid = id::text
         WHERE (event_sequence, object.status)
               IS DISTINCT FROM (told.sequence, told.status)""",
    ),
    Check(
        "nothing that a merchant owns is without its merchant",
        f"""
        SELECT name || ' of ' || merchant_id, 'a merchant', 'none' FROM {_OWNED} AS owned
         WHERE NOT EXISTS (SELECT 1 FROM merchants WHERE merchants.id = owned.merchant_id)""",
    ),
    Check(
        "no payment or card without its customer, of the same merchant",
        """
        SELECT subject, customer_id::text, 'none'
          FROM (SELECT id::text AS subject, customer_id, merchant_id, environment FROM transactions
                UNION ALL
                SELECT token, customer_id, merchant_id, environment
                  FROM payment_methods_vault) AS payer
         WHERE customer_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM customers
                            WHERE id = customer_id AND merchant_id = payer.merchant_id
                              AND environment = payer.environment)""",
    ),
    Check(
        "no payment without its card, of the same merchant",
        """
        SELECT id, payment_method_token, 'none' FROM transactions AS payment
         WHERE payment_method_token IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM payment_methods_vault AS card
                            WHERE token = payment_method_token
                              AND card.merchant_id = payment.merchant_id
                              AND card.environment = payment.environment)""",
    ),
    *(Check(name, sql) for name, sql in PAYOUT_CHECKS),
)
