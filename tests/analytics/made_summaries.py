"""Daily summaries for tests, with whatever figures they are about."""

import itertools
from datetime import date, timedelta

from analytics.models import DailyTransactionSummary
from payments_project.tenancy import Scope


def summarise(
    scope: Scope,
    day: date,
    *,
    currency: str = "USD",
    succeeded: int = 0,
    failed: int = 0,
    gross: int = 0,
    fees: int = 0,
    **figures: object,
) -> DailyTransactionSummary:
    """A merchant's day: so many payments and what was captured of the successful, minor units."""
    return DailyTransactionSummary.objects.create(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        summary_date=day,
        currency=currency,
        **{
            "transaction_count": succeeded + failed,
            "successful_count": succeeded,
            "failed_count": failed,
            "gross_amount": gross,
            "fee_amount": fees,
            "net_amount": gross - fees,
            **figures,
        },
    )


_turns = itertools.count()
_turns_of_paid = itertools.count()


def days_of_nobody() -> date:
    """A day long ago; no other test of this process, whose database it is, has any of the 200 days
    that begin with it, nor of the 40 before. Nor has any a payment: those that tests record as made
    long ago are of 2020 and later. Long files have theirs before 2000."""
    day = date(2001, 1, 1) + timedelta(days=250 * next(_turns))
    assert day < date(2019, 6, 1), "there are no such days left"
    return day


def day_of_own_payments() -> date:
    """A day of 2020 on which, and on the nine after it, no other test records a payment."""
    day = date(2020, 1, 1) + timedelta(days=10 * next(_turns_of_paid))
    assert day.year == 2020, "there are no such days left"
    return day
