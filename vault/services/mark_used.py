"""Noting that a payment method was used."""

from django.db import connections, router

from payments_project.tenancy import Scope
from vault.models import PaymentMethod

# Parameters: token, merchant id, environment.
MARK_USED = """
    UPDATE payment_methods_vault SET last_used_at = now()
     WHERE token = %s AND merchant_id = %s AND environment = %s
       AND (last_used_at IS NULL OR last_used_at < now() - interval '1 hour')
"""


def mark_used(*, scope: Scope, token: str) -> bool:
    """Sets ``last_used_at``, at most once an hour; returns whether it did. Writes no event.

    ``OpenedCard.is_use_due`` spares the statement when it would change nothing.
    """
    with connections[router.db_for_write(PaymentMethod)].cursor() as cursor:
        cursor.execute(MARK_USED, [token, scope.merchant_id, scope.environment])
        return bool(cursor.rowcount == 1)
