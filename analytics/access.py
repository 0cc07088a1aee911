"""The one door to a tenant's summaries."""

from django.db.models import QuerySet

from analytics.models import DailyTransactionSummary
from payments_project.tenancy import Scope


def daily_summaries_of(scope: Scope) -> "QuerySet[DailyTransactionSummary]":
    """All daily summaries of a merchant in an environment."""
    return DailyTransactionSummary.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    )
