"""What customers paid, kept beside them: a consumer of payments' events."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from merchants.locking import lock_customers
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.consumers import Consumer
from payments_project.events.log_reader import Selection
from payments_project.events.logged import LoggedEvent
from transactions import states

# A payment counts once it succeeded, whatever becomes of it afterwards.
_COUNTED = ", ".join(f"'{status}'" for status in states.SUCCESSFUL)
_TYPES = frozenset(f"transaction.{status}" for status in states.SUCCESSFUL)

# One pass over the customers' payments, found by their index.
_TOTALS = f"""
WITH paid AS MATERIALIZED (
    SELECT customer_id, currency, count(*) AS payments, sum(captured_amount)::bigint AS amount,
           min(created_at) AS first_at, max(created_at) AS last_at
      FROM transactions
     WHERE customer_id = ANY(%(customers)s) AND status IN ({_COUNTED})
     GROUP BY customer_id, currency
), counted AS (
    UPDATE customers
       SET total_transactions = paid_at_all.payments,
           total_amount = paid_at_all.amount,
           first_transaction_at = paid_at_all.first_at,
           last_transaction_at = paid_at_all.last_at
      FROM (SELECT customer.id, sum(paid.payments)::integer AS payments,
                   coalesce(sum(paid.amount) FILTER (
                       WHERE paid.currency = merchant.settlement_currency), 0)::bigint AS amount,
                   min(paid.first_at) AS first_at, max(paid.last_at) AS last_at
              FROM paid
              JOIN customers AS customer ON customer.id = paid.customer_id
              JOIN merchants AS merchant ON merchant.id = customer.merchant_id
             GROUP BY customer.id) AS paid_at_all
     WHERE customers.id = paid_at_all.id
)
INSERT INTO customer_totals AS total (customer_id, currency, amount)
SELECT customer_id, currency, amount FROM paid
 WHERE EXISTS (SELECT 1 FROM customers WHERE customers.id = paid.customer_id)
 ORDER BY customer_id, currency
ON CONFLICT (customer_id, currency) DO UPDATE SET amount = excluded.amount
"""


def total_customers(customer_ids: Iterable[UUID]) -> None:
    """Writes the totals of these customers, as their payments have them now, in a transaction.

    Nothing is added up: whatever was counted before, and however often this is done, the totals
    are what the payments say. Locks the customers.
    """
    wanted = sorted(set(customer_ids))
    if wanted:
        run_in_transaction(lambda: write_totals(wanted))


def write_totals(customer_ids: Sequence[UUID]) -> None:
    """The same in the caller's transaction, which is READ COMMITTED."""
    # What others commit before the lock, the next statement sees: of two at once, the one that
    # writes last has seen all that the other had.
    lock_customers(customer_ids)
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"customers": list(customer_ids)})


def _handle(events: Sequence[LoggedEvent]) -> None:
    customers = (event.data["object"]["customer"] for event in events if event.type in _TYPES)
    total_customers(UUID(customer) for customer in customers if customer)


CUSTOMER_TOTALS = Consumer(
    name="customer_totals",
    handle=_handle,
    objects=Selection(("transaction",), is_excluded=False),
    batch_events=500,
)
