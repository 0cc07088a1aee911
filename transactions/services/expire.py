"""Releasing authorizations that nobody captured in time."""

import logging
from datetime import UTC, datetime

from payments_project.actor import SYSTEM
from payments_project.errors import ServiceError
from payments_project.idempotency.replies import NoReplies
from transactions import states
from transactions.models import Transaction
from transactions.services.cancel import EXPIRED, cancel_transaction

logger = logging.getLogger(__name__)


def expire_authorizations(*, batch: int = 500) -> int:
    """Voids every authorization past its time at the gateway; returns how many are cancelled now.

    Safe to run twice or at once: only an authorized payment without another act is taken. One that
    fails doesn't stop the others.
    """
    expired = Transaction.objects.filter(
        status=states.AUTHORIZED, authorization_expires_at__lt=datetime.now(UTC)
    ).order_by("authorization_expires_at")
    cancelled = 0
    for transaction_id in list(expired.values_list("pk", flat=True)[:batch]):
        try:
            transaction = cancel_transaction(
                scope=None,
                transaction_id=transaction_id,
                actor=SYSTEM,
                claim=None,
                replies=NoReplies(),
                cause=EXPIRED,
            )
        except ServiceError as refusal:
            logger.info("authorization %s not expired: %s", transaction_id, refusal.message)
            continue
        except Exception:
            logger.exception("could not expire authorization %s", transaction_id)
            continue
        cancelled += transaction.status == states.CANCELLED
    return cancelled
