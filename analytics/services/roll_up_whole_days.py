"""Computing all merchants' summaries of whole days: after an import, and as a safety net."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from analytics.daily_summaries import (
    IS_CHARGEBACK,
    OF_DISPUTES,
    OF_PAYMENTS,
    OR_UPDATE,
    VALUES,
    WRITE,
    WRITERS_LOCK,
)
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor, uuid7_time
from payments_project.times import day_start
from transactions.locking import wait_for_advisory_lock
from transactions.models import Transaction

DAY_SECONDS_MAX = 1800

# As for due days, only of merchants that there are.
_COMPUTE = f"""
{WRITE}
SELECT payment.merchant_id, payment.environment, %(day)s::date, payment.currency, {VALUES}
  FROM (SELECT payment.merchant_id, payment.environment, payment.currency, {OF_PAYMENTS}
          FROM transactions AS payment
         WHERE payment.id >= %(first)s AND payment.id < %(end)s
         GROUP BY payment.merchant_id, payment.environment, payment.currency) AS payment
  JOIN merchants ON merchants.id = payment.merchant_id
  LEFT JOIN (SELECT dispute.merchant_id, dispute.environment, dispute.currency, {OF_DISPUTES}
               FROM disputes AS dispute
              WHERE dispute.transaction_id >= %(first)s AND dispute.transaction_id < %(end)s
                AND {IS_CHARGEBACK}
              GROUP BY dispute.merchant_id, dispute.environment, dispute.currency) AS disputed
    ON disputed.merchant_id = payment.merchant_id
   AND disputed.environment = payment.environment AND disputed.currency = payment.currency
{OR_UPDATE}
"""


class RolledUpDay(NamedTuple):
    """A UTC day whose summaries are computed, and how many there are."""

    day: date
    summaries: int


def roll_up_whole_days(*, first: date, last: date) -> Iterator[RolledUpDay]:
    """Computes every summary of the UTC days from ``first`` to ``last``, both included, the oldest
    first; gives each day that has payments once it is committed.

    A statement and a transaction for each day, which reads one month. Days without payments are
    passed over. May be stopped between any two, goes on beside payments, and is safe to run twice
    or at once: it waits for whoever writes summaries, a day at a time.
    """
    day = _day_from(first)
    while day is not None and day <= last:
        yield RolledUpDay(day, roll_up_day(day))
        day = _day_from(day + timedelta(days=1))


def roll_up_day(day: date) -> int:
    """Computes every summary of one UTC day in a transaction of its own; how many there are."""

    def work() -> int:
        with connection.cursor() as cursor:
            # For this transaction only: a session's settings would stay behind PgBouncer.
            cursor.execute(f"SET LOCAL statement_timeout = '{DAY_SECONDS_MAX}s'")
            cursor.execute("SET LOCAL transaction_timeout = 0")
            # Before the snapshot that is counted on.
            wait_for_advisory_lock(WRITERS_LOCK)
            ends = {"first": _floor(day), "end": _floor(day + timedelta(days=1))}
            cursor.execute(_COMPUTE, {"day": day, **ends})
            return int(cursor.rowcount)

    return run_in_transaction(work)


def first_day_with_payments() -> date | None:
    """The UTC day of the oldest payment."""
    return _day_from(date(1970, 1, 1))


def _day_from(day: date) -> date | None:
    """The first UTC day with payments that is not before ``day``."""
    later = Transaction.objects.filter(pk__gte=_floor(day)).order_by("pk")
    oldest = later.values_list("pk", flat=True).first()
    return None if oldest is None else uuid7_time(oldest).date()


def _floor(day: date) -> UUID:
    """The least id of the day."""
    return uuid7_floor(day_start(day))
