"""Settlement: pending money whose day has come becomes available."""

import logging
from datetime import UTC, date, datetime

from django.db import connection

from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import Scope
from transactions.balances import fold_balances, read_due_days
from transactions.ledger import record_movements, settlement_movement
from transactions.locking import lock_balance
from transactions.models import MerchantPendingDay

logger = logging.getLogger(__name__)


def settle_due(*, today: date | None = None) -> int:
    """Settles every merchant's due days; returns how many ledger entries it wrote.

    Safe to run twice or at once: what is left of a day is read and moved under the balance row's
    lock. An entry that comes late to an old day is moved by the next run. One merchant's failure
    doesn't stop the others. Days are UTC.
    """
    day = today or datetime.now(UTC).date()
    fold_balances()
    due = (
        MerchantPendingDay.objects.filter(available_on__lte=day)
        .exclude(amount=0)
        .values_list("merchant_id", "environment", "currency")
        .distinct()
    )
    settled = 0
    for merchant_id, environment, currency in due:
        scope = Scope(merchant_id, environment)
        try:
            settled += settle_merchant(scope=scope, currency=currency, today=day)
        except Exception:
            logger.exception("could not settle %s of merchant %s", currency, merchant_id)
    return settled


def settle_merchant(*, scope: Scope, currency: str, today: date) -> int:
    """Settles one merchant's due days in one currency; returns how many entries it wrote."""

    def work() -> int:
        lock_balance(scope=scope, currency=currency)
        days = read_due_days(scope=scope, currency=currency, today=today)
        if days:
            with connection.cursor() as cursor:
                cursor.execute("SELECT uuidv7()")
                (settlement_id,) = cursor.fetchone()
            record_movements(
                [
                    settlement_movement(
                        settlement_id=settlement_id, amount=amount, available_on=available_on
                    )
                    for available_on, amount in days
                ],
                scope=scope,
                currency=currency,
                transaction_id=None,
            )
        return len(days)

    return run_in_transaction(work)
