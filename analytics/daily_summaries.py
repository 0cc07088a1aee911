"""What a daily summary counts, in SQL: the one definition behind every way to compute it.

In words it is in docs/analytics.md. Whoever writes summaries holds ``WRITERS_LOCK`` from before the
snapshot that it counts on to its commit: of two that compute the same row, the later one counts
what the other counted, and more.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from disputes.models import CHARGEBACK
from disputes.reason_codes import FRAUD
from disputes.states import SUCCEEDED as REFUNDED
from transactions import states

WRITERS_LOCK = "write daily summaries"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_SUCCESSFUL = f"payment.status IN ({_listed(states.SUCCESSFUL)})"
_FRAUD = _listed(FRAUD)
# Asked only for the few payments that have a refund under way or made.
_REFUNDED = f"""CASE WHEN payment.refunded_amount > 0 THEN (
               SELECT sum(refund.amount) FROM refunds AS refund
                WHERE refund.transaction_id = payment.id AND refund.status = '{REFUNDED}') END"""

# Of a group of ``transactions AS payment``.
OF_PAYMENTS = f"""
           count(*) AS transaction_count,
           count(*) FILTER (WHERE {_SUCCESSFUL}) AS successful_count,
           count(*) FILTER (WHERE payment.status = '{states.FAILED}') AS failed_count,
           count({_REFUNDED}) AS refunded_count,
           coalesce(sum(payment.captured_amount) FILTER (WHERE {_SUCCESSFUL}), 0)::bigint
               AS gross_amount,
           coalesce(sum(payment.fee_amount) FILTER (WHERE {_SUCCESSFUL}), 0)::bigint
               AS fee_amount,
           coalesce(sum({_REFUNDED}), 0)::bigint AS refunded_amount,
           count(*) FILTER (WHERE payment.risk_level = 'high') AS high_risk_count"""
# Of a group of ``disputes AS dispute``, of which only chargebacks count. A payment may have several.
OF_DISPUTES = f"""
           count(DISTINCT dispute.transaction_id) AS dispute_count,
           count(DISTINCT dispute.transaction_id) FILTER (WHERE dispute.reason_code IN ({_FRAUD}))
               AS fraud_count"""
IS_CHARGEBACK = f"dispute.dispute_type = '{CHARGEBACK}'"

_COMPUTED = (
    "transaction_count", "successful_count", "failed_count", "refunded_count", "gross_amount",
    "fee_amount", "net_amount", "refunded_amount", "high_risk_count", "dispute_count",
    "fraud_count", "updated_at",
)  # fmt: skip

WRITE = f"""
INSERT INTO daily_transaction_summaries
       (merchant_id, environment, summary_date, currency, {", ".join(_COMPUTED)})"""
# The statement's time, which is never after its snapshot: all that was true by then is counted.
VALUES = """
       payment.transaction_count, payment.successful_count, payment.failed_count,
       payment.refunded_count, payment.gross_amount, payment.fee_amount,
       payment.gross_amount - payment.fee_amount, payment.refunded_amount, payment.high_risk_count,
       coalesce(disputed.dispute_count, 0), coalesce(disputed.fraud_count, 0),
       statement_timestamp()"""
# Written even where nothing changed: the time says how fresh the row is.
OR_UPDATE = f"""
ON CONFLICT (merchant_id, environment, summary_date, currency) DO UPDATE SET
       {", ".join(f"{column} = excluded.{column}" for column in _COMPUTED)}"""


class SummaryKey(NamedTuple):
    """Which row: a merchant's UTC day in one currency."""

    merchant_id: UUID
    environment: str
    summary_date: date
    currency: str
