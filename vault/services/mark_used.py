"""Noting that a payment method was used."""

from django.db import router

from payments_project.database.statements import fetch_one
from payments_project.tenancy import Scope
from vault.models import PaymentMethod

# Parameters: token, merchant id, environment. It does not wait for the disk: a crash may lose it.
MARK_USED = """
    UPDATE payment_methods_vault SET last_used_at = now()
     WHERE token = %s AND merchant_id = %s AND environment = %s
       AND (last_used_at IS NULL OR last_used_at < now() - interval '1 hour')
    RETURNING set_config('synchronous_commit', 'off', true)
"""


def mark_used(*, scope: Scope, token: str) -> bool:
    """Sets ``last_used_at``, at most once an hour; returns whether it did. Writes no event.

    ``OpenedCard.is_use_due`` spares the statement when it would change nothing.
    """
    marked = fetch_one(
        MARK_USED,
        [token, scope.merchant_id, scope.environment],
        using=router.db_for_write(PaymentMethod),
    )
    return marked is not None
