"""Daily summaries as tests look at them: marked from the log, computed, read."""

from typing import Any

from django.db import connection

from analytics.models import DailyTransactionSummary
from analytics.services.mark_days_due import DAILY_SUMMARIES
from analytics.services.roll_up_due_days import roll_up_due_days
from payments_project.events.consumers import handle_batch
from payments_project.events.logged import COLUMNS, EventRow, from_log
from payments_project.tenancy import Scope

NAMES = (
    "transaction_count", "successful_count", "failed_count", "refunded_count", "gross_amount",
    "fee_amount", "net_amount", "refunded_amount", "high_risk_count", "dispute_count",
    "fraud_count",
)  # fmt: skip
NOTHING = dict.fromkeys(NAMES, 0)


def mark_all(scope: Scope) -> None:
    """Hands all that happened to the merchant so far to the consumer."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM events WHERE merchant_id = %s AND environment = %s"
            " ORDER BY position",
            [scope.merchant_id, scope.environment],
        )
        rows = [from_log(EventRow(*row)) for row in cursor.fetchall()]
    handle_batch(DAILY_SUMMARIES, rows)


def summaries(scope: Scope) -> dict[tuple[str, str], dict[str, Any]]:
    """The merchant's rows by day and currency."""
    rows = DailyTransactionSummary.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    )
    return {
        (row.summary_date.isoformat(), row.currency): {name: getattr(row, name) for name in NAMES}
        for row in rows
    }


def rolled_up(scope: Scope) -> dict[tuple[str, str], dict[str, Any]]:
    """The same, once all that happened so far is computed."""
    mark_all(scope)
    roll_up_due_days()
    return summaries(scope)
