"""What the auditor asks of payouts, adjustments and payments taken elsewhere: names and SQL of
checks (``disputes.book_checks``)."""

# Not heard yet of the bank: sent and not applied, or to be sent.
_UNHEARD = """
    EXISTS (SELECT 1 FROM gateway_simulator_callbacks
             WHERE sent_at IS NULL AND message #>> '{data,payout}' = ours.id::text)
    OR EXISTS (SELECT 1 FROM gateway_callbacks
                WHERE processed_at IS NULL AND payload ->> 'payout' = ours.id::text)"""

PAYOUT_CHECKS = (
    (
        "payouts are in the ledger, once, and failed ones came back, once",
        """
        SELECT coalesce(id, source_id),
               concat_ws(' ', merchant_id, environment, currency, 'out', coalesce(amount, 0),
                         'back', CASE WHEN status IN ('failed', 'cancelled') THEN amount ELSE 0 END),
               coalesce(booked, 'nothing')
          FROM payouts
          FULL JOIN (
                SELECT source_id, concat_ws(' ', merchant_id, environment, currency,
                       'out', coalesce(sum(amount) FILTER (WHERE type = 'payout'), 0),
                       'back', coalesce(sum(amount) FILTER (WHERE type = 'payout_failure'), 0))
                       AS booked
                  FROM ledger_entries
                 WHERE type IN ('payout', 'payout_failure') AND transaction_id IS NULL
                 GROUP BY source_id, merchant_id, environment, currency) AS entries
                 ON source_id = id
         WHERE concat_ws(' ', merchant_id, environment, currency, 'out', coalesce(amount, 0),
                         'back', CASE WHEN status IN ('failed', 'cancelled') THEN amount ELSE 0 END)
               IS DISTINCT FROM booked""",
    ),
    (
        "payouts go to an account of their merchant and currency",
        """
        SELECT payout.id, concat_ws(' ', payout.merchant_id, payout.environment, payout.currency),
               coalesce(concat_ws(' ', account.merchant_id, account.environment, account.currency),
                        'no account')
          FROM payouts AS payout LEFT JOIN payout_accounts AS account ON account.id = account_id
         WHERE (payout.merchant_id, payout.environment, payout.currency)
               IS DISTINCT FROM (account.merchant_id, account.environment, account.currency)""",
    ),
    (
        "a file for the bank holds what it says",
        """
        SELECT export.id, count || ' of ' || total, held
          FROM payout_exports AS export
          LEFT JOIN LATERAL (SELECT count(*) || ' of ' || coalesce(sum(amount), 0) AS held
                               FROM payouts WHERE export_id = export.id
                                AND payouts.currency = export.currency
                                AND payouts.environment = export.environment) AS payouts ON true
         WHERE count || ' of ' || total <> held""",
    ),
    (
        "the simulated bank paid what our records say, and no more",
        f"""
        SELECT coalesce(ours.id, theirs.reference),
               coalesce(theirs.status || ' ' || theirs.amount || ' ' || theirs.currency, 'nothing'),
               coalesce(ours.status || ' ' || ours.amount || ' ' || ours.currency, 'nothing')
          FROM (SELECT * FROM payouts WHERE bank_name = 'simulator' AND status <> 'pending') AS ours
          FULL JOIN (SELECT * FROM bank_simulator_transfers
                      WHERE NOT EXISTS (SELECT 1 FROM payouts
                                         WHERE id = reference AND status = 'pending')) AS theirs
                 ON reference = ours.id
         WHERE NOT ({_UNHEARD})
           AND CASE
            WHEN ours.status = 'paid'
                THEN (theirs.status, theirs.amount, theirs.currency)
                     IS DISTINCT FROM ('paid', ours.amount, ours.currency)
            WHEN ours.id IS NULL THEN true
            ELSE coalesce(theirs.status NOT IN ('failed', 'returned', 'barred'), false) END""",
    ),
    (
        "adjustments are in the ledger, once",
        """
        SELECT coalesce(id, source_id),
               concat_ws(' ', merchant_id, environment, currency, amount),
               coalesce(booked, 'nothing')
          FROM balance_adjustments
          FULL JOIN (
                SELECT source_id, concat_ws(' ', merchant_id, environment, currency,
                       sum(CASE credit_account WHEN 'available' THEN amount ELSE -amount END))
                       AS booked
                  FROM ledger_entries WHERE type = 'adjustment' AND transaction_id IS NULL
                 GROUP BY source_id, merchant_id, environment, currency) AS entries
                 ON source_id = id
         WHERE concat_ws(' ', merchant_id, environment, currency, amount)
               IS DISTINCT FROM booked""",
    ),
    (
        "what was taken elsewhere is nobody's to pay out",
        """
        SELECT payment.id, '0 at the gateway', at_gateway
          FROM transactions AS payment
          JOIN LATERAL (
                SELECT coalesce(sum(CASE 'gateway' WHEN credit_account THEN amount
                                                   WHEN debit_account THEN -amount END), 0)
                       AS at_gateway
                  FROM ledger_entries
                 WHERE transaction_id = payment.id
                   AND type IN ('payment', 'refund', 'refund_failure', 'adjustment')) AS booked
            ON true
         WHERE payment.gateway_name = 'external' AND at_gateway <> 0
           AND EXISTS (SELECT 1 FROM external_references
                        WHERE transaction_id = payment.id AND NOT is_credited)""",
    ),
)
