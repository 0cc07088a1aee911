"""The monthly view, and when it was computed."""

from decimal import ROUND_HALF_EVEN

from analytics.models import Projection
from analytics.reports.rows import Row, Wanted, read_rows

# The view and its age in one statement: a refresh in between would tell another's.
_STATS = """
SELECT (month AT TIME ZONE 'UTC')::date AS day, currency,
       transaction_count, successful_count, coalesce(total_amount, 0)::bigint AS total_amount,
       avg_amount, high_risk_count,
       (SELECT computed_at FROM projections WHERE name = %(projection)s) AS computed_at
  FROM merchant_monthly_stats
 WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
   AND month BETWEEN timezone('UTC', %(first)s::timestamp) AND timezone('UTC', %(last)s::timestamp)
   AND (%(currency)s::text IS NULL OR currency = %(currency)s)
"""


def read_monthly_stats(wanted: Wanted) -> list[Row]:
    """The wanted months, each named by its first day; the mean amount in whole minor units, a half
    to the even one (ISO 80000-1), None where nothing succeeded. Raises ``ReportTooLarge``."""
    rows = read_rows(_STATS, wanted, projection=Projection.MONTHLY_STATS)
    for row in rows:
        if row["avg_amount"] is not None:
            row["avg_amount"] = int(row["avg_amount"].to_integral_value(ROUND_HALF_EVEN))
    return rows
