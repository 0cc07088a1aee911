"""Money by the UTC day on which it became, or becomes, available; and the day's payouts."""

from datetime import date, timedelta

from analytics.reports.rows import Row, Wanted, ids_of_days, read_rows
from payments_project.events.cursors import reading_by_cursor
from transactions import ledger_accounts as accounts
from transactions.balances import UNFOLDED

# ``merchants_settlement_delay_check``: no payment's money waits longer.
DELAY_DAYS_MAX = 90

# Pending money names its day; what changes available money at once is of the day it is booked on.
# What is left of a day's pending money is kept (``merchant_pending_days``), so that the entries of
# settlements, which may come late, need not be looked for.
_SETTLEMENTS = f"""
WITH booked AS (
    SELECT coalesce(available_on, (created_at AT TIME ZONE 'UTC')::date) AS day, currency, type,
           debit_account, credit_account, count(*) AS count, sum(amount) AS amount
      FROM ledger_entries
     WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
       AND id >= %(begin)s AND id < %(end)s AND type <> '{accounts.SETTLEMENT}'
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
     GROUP BY 1, 2, 3, 4, 5
), sides AS (
    SELECT day, currency, type, count, side.bucket, side.sign * amount AS amount
      FROM booked
     CROSS JOIN LATERAL (VALUES (debit_account, -1), (credit_account, 1)) AS side (bucket, sign)
     WHERE side.bucket IN ('{accounts.PENDING}', '{accounts.AVAILABLE}')
       AND day BETWEEN %(first)s AND %(last)s
), days AS (
    SELECT day, currency,
           sum(count) FILTER (WHERE type = '{accounts.PAYMENT}') AS payments,
           sum(amount) FILTER (WHERE type = '{accounts.PAYMENT}') AS gross,
           sum(amount) FILTER (WHERE type = '{accounts.FEE}') AS fees,
           sum(amount) FILTER (
               WHERE type IN ('{accounts.REFUND}', '{accounts.REFUND_FAILURE}')) AS refunds,
           sum(amount) FILTER (
               WHERE type IN ('{accounts.DISPUTE_HOLD}', '{accounts.DISPUTE_RELEASE}')) AS disputes,
           sum(amount) FILTER (WHERE type = '{accounts.ADJUSTMENT}') AS adjustments,
           sum(count) FILTER (WHERE type = '{accounts.PAYOUT}') AS payouts,
           sum(amount) FILTER (
               WHERE type IN ('{accounts.PAYOUT}', '{accounts.PAYOUT_FAILURE}')) AS paid_out,
           sum(amount) FILTER (WHERE bucket = '{accounts.PENDING}') AS came_pending
      FROM sides
     GROUP BY day, currency
), waiting AS (
    SELECT available_on AS day, currency, sum(amount) AS still_pending
      FROM (SELECT available_on, currency, amount FROM merchant_pending_days
             WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
            UNION ALL
            SELECT available_on, currency, delta FROM ({UNFOLDED}) AS fresh
             WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
               AND account = '{accounts.PENDING}') AS both_parts
     WHERE available_on BETWEEN %(first)s AND %(last)s
     GROUP BY available_on, currency
), complete AS (
    SELECT day, currency,
           coalesce(payments, 0)::bigint AS payment_count,
           coalesce(gross, 0)::bigint AS gross_amount,
           -coalesce(fees, 0)::bigint AS fee_amount,
           -coalesce(refunds, 0)::bigint AS refunded_amount,
           -coalesce(disputes, 0)::bigint AS disputed_amount,
           coalesce(adjustments, 0)::bigint AS adjusted_amount,
           (coalesce(came_pending, 0) - coalesce(still_pending, 0))::bigint AS settled_amount,
           coalesce(still_pending, 0)::bigint AS pending_amount,
           coalesce(payouts, 0)::bigint AS payout_count,
           -coalesce(paid_out, 0)::bigint AS payout_amount
      FROM days LEFT JOIN waiting USING (day, currency)
)
SELECT *, gross_amount - fee_amount - refunded_amount - disputed_amount + adjusted_amount
              AS net_amount,
       pending_amount = 0 AND day <= (now() AT TIME ZONE 'UTC')::date AS is_settled
  FROM complete
"""


def read_daily_settlements(wanted: Wanted) -> list[Row]:
    """The wanted days, from the ledger, exactly: over all days, net amounts less payouts are the
    pending and the available balance together.

    Looks at the days' entries and those of the longest delay before them. Raises
    ``ReportTooLarge``, ``CursorOfAnotherCluster``.
    """
    wanted = wanted.narrowed()
    # A day more at both ends: a host's clock chose the day, the database's made the id.
    oldest = _moved(wanted.first, -DELAY_DAYS_MAX - 1)
    begin, end = ids_of_days(oldest, _moved(wanted.last, 1))
    with reading_by_cursor():
        return read_rows(_SETTLEMENTS, wanted, begin=begin, end=end)


def _moved(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.min if days < 0 else date.max
