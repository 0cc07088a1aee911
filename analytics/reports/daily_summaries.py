"""The days' summaries as a job has computed them."""

from analytics.access import daily_summaries_of
from analytics.reports.rows import Place, Row, Wanted, read_rows
from payments_project.database.uuid7 import uuid_of
from payments_project.tenancy import Scope

_SUMMARIES = """
SELECT summary_date AS day, summary_date, currency, id,
       coalesce(created_at, uuid_extract_timestamp(id)) AS created_at,
       transaction_count, successful_count, failed_count, refunded_count,
       gross_amount, fee_amount, net_amount, refunded_amount, success_rate,
       coalesce(high_risk_count, 0) AS high_risk_count,
       coalesce(fraud_count, 0) AS fraud_count,
       coalesce(dispute_count, 0) AS dispute_count,
       updated_at AS computed_at
  FROM daily_transaction_summaries
 WHERE merchant_id = %(merchant_id)s AND environment = %(environment)s
   AND summary_date BETWEEN %(first)s AND %(last)s
   AND (%(currency)s::text IS NULL OR currency = %(currency)s)
"""


def read_daily_summaries(wanted: Wanted) -> list[Row]:
    """The wanted days, by the index of a merchant's days. Raises ``ReportTooLarge``."""
    return read_rows(_SUMMARIES, wanted)


def place_of_summary(scope: Scope, cursor: str) -> Place | None:
    """Where the summary of this id stands; None if the merchant has none such."""
    identity = uuid_of(cursor)
    if identity is None:
        return None
    rows = daily_summaries_of(scope).filter(pk=identity)
    row = rows.values_list("summary_date", "currency").first()
    return Place(*row) if row else None
