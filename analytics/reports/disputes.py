"""Disputes by the month in which their payments were made."""

from analytics.reports.rows import Row, Wanted, ids_of_days, month_end, read_rows
from disputes import states
from disputes.models import CHARGEBACK

# A payment's id tells when it was made, so its month is known without the payment.
_DISPUTES = f"""
WITH cohorts AS (
    SELECT date_trunc('month', summary_date::timestamp)::date AS day, currency,
           sum(successful_count)::bigint AS successful_count,
           sum(dispute_count)::bigint AS dispute_count,
           sum(fraud_count)::bigint AS fraud_count,
           max(updated_at) AS computed_at
      FROM daily_transaction_summaries
     WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
       AND summary_date BETWEEN %(first)s AND %(last)s
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     GROUP BY 1, 2
), chargebacks AS (
    SELECT date_trunc('month', uuid_extract_timestamp(transaction_id) AT TIME ZONE 'UTC')::date
               AS day, currency,
           sum(amount)::bigint AS disputed_amount,
           coalesce(sum(amount) FILTER (WHERE status = '{states.WON}'), 0)::bigint AS won_amount,
           coalesce(sum(amount) FILTER (WHERE status = '{states.LOST}'), 0)::bigint AS lost_amount
      FROM disputes
     WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
       AND dispute_type = '{CHARGEBACK}'
       AND transaction_id >= %(begin)s AND transaction_id < %(end)s
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     GROUP BY 1, 2
)
SELECT day, currency,
       coalesce(successful_count, 0) AS successful_count,
       coalesce(dispute_count, 0) AS dispute_count,
       coalesce(fraud_count, 0) AS fraud_count,
       round(dispute_count::numeric / nullif(successful_count, 0), 6) AS dispute_rate,
       round(fraud_count::numeric / nullif(successful_count, 0), 6) AS fraud_rate,
       coalesce(disputed_amount, 0) AS disputed_amount,
       coalesce(won_amount, 0) AS won_amount,
       coalesce(lost_amount, 0) AS lost_amount,
       coalesce(disputed_amount - won_amount - lost_amount, 0) AS open_amount,
       computed_at
  FROM cohorts FULL JOIN chargebacks USING (day, currency)
"""


def read_monthly_disputes(wanted: Wanted) -> list[Row]:
    """The wanted months, each named by its first day.

    Counts are the daily summaries' and so as old as these; amounts are what the disputes say now.
    Looks at all disputes of the merchant. Raises ``ReportTooLarge``.
    """
    wanted = wanted.narrowed()
    last = month_end(wanted.last)
    begin, end = ids_of_days(wanted.first, last)
    return read_rows(_DISPUTES, wanted, last=last, begin=begin, end=end)
