"""Fees by the UTC day on which they were charged."""

from analytics.reports.rows import Row, Wanted, ids_of_days, read_rows
from transactions import ledger_accounts as accounts

# A dispute's fee is taken with the first entry that holds money for it (later ones hold more of its
# amount), and comes back with the entry that releases it, if it does. The ledger has fee and amount
# of a dispute in one sum; its row tells the fee.
_FEES = f"""
WITH charged AS (
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, currency,
           count(*) FILTER (WHERE type = '{accounts.PAYMENT}') AS payment_count,
           sum(amount) FILTER (WHERE type = '{accounts.PAYMENT}') AS volume_amount,
           sum(amount) FILTER (WHERE type = '{accounts.FEE}') AS payment_fee_amount,
           0 AS dispute_count, 0 AS dispute_fee_amount, 0 AS returned_fee_amount
      FROM ledger_entries
     WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
       AND id >= %(begin)s AND id < %(end)s
       AND type IN ('{accounts.PAYMENT}', '{accounts.FEE}')
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     GROUP BY 1, 2
), disputed AS (
    SELECT dispute.currency, dispute.fee_amount AS amount,
           min(entry.created_at) FILTER (WHERE entry.type = '{accounts.DISPUTE_HOLD}') AS taken_at,
           max(entry.created_at) FILTER (WHERE entry.type = '{accounts.DISPUTE_RELEASE}'
                                           AND dispute.fee_is_returned) AS returned_at
      FROM disputes AS dispute
      JOIN ledger_entries AS entry
        ON entry.transaction_id = dispute.transaction_id AND entry.source_id = dispute.id
     WHERE dispute.merchant_id = %(merchant_id)s AND dispute.environment = %(environment)s
       AND dispute.fee_amount > 0
       AND (%(currency)s::text IS NULL OR dispute.currency = %(currency)s)
     GROUP BY dispute.id
), fees AS (
    SELECT * FROM charged
     UNION ALL
    SELECT (taken_at AT TIME ZONE 'UTC')::date, currency, 0, 0, 0, 1, amount, 0 FROM disputed
     UNION ALL
    SELECT (returned_at AT TIME ZONE 'UTC')::date, currency, 0, 0, 0, 0, 0, amount FROM disputed
), days AS (
    SELECT day, currency,
           sum(payment_count)::bigint AS payment_count,
           coalesce(sum(volume_amount), 0)::bigint AS volume_amount,
           coalesce(sum(payment_fee_amount), 0)::bigint AS payment_fee_amount,
           sum(dispute_count)::bigint AS dispute_count,
           sum(dispute_fee_amount)::bigint AS dispute_fee_amount,
           sum(returned_fee_amount)::bigint AS returned_fee_amount
      FROM fees
     WHERE day BETWEEN %(first)s AND %(last)s
     GROUP BY day, currency
)
SELECT *, payment_fee_amount + dispute_fee_amount - returned_fee_amount AS fee_amount,
       round((payment_fee_amount + dispute_fee_amount - returned_fee_amount)::numeric
             / nullif(volume_amount, 0), 6) AS effective_rate
  FROM days
"""


def read_daily_fees(wanted: Wanted) -> list[Row]:
    """The wanted days, from the ledger. Looks at the days' entries and at the merchant's disputes.
    Raises ``ReportTooLarge``."""
    wanted = wanted.narrowed()
    begin, end = ids_of_days(wanted.first, wanted.last)
    return read_rows(_FEES, wanted, begin=begin, end=end)
