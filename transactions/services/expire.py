"""Releasing authorizations that nobody captured in time."""

import logging
from datetime import UTC, datetime
from uuid import UUID

from payments_project.actor import SYSTEM
from payments_project.errors import ServiceError
from payments_project.idempotency.replies import NoReplies
from transactions import states
from transactions.models import Transaction
from transactions.services.ask_gateways import Waiting, ask_gateways
from transactions.services.cancel import EXPIRED, cancel_transaction

logger = logging.getLogger(__name__)


def expire_authorizations(*, batch: int = 500) -> int:
    """Voids authorizations past their time at the gateway; returns how many are cancelled now.

    Safe to run twice or at once: only an authorized payment without another act is taken. One that
    fails doesn't stop the others (``ask_gateways``).
    """
    expired = Transaction.objects.filter(
        status=states.AUTHORIZED, authorization_expires_at__lt=datetime.now(UTC)
    )
    return ask_gateways(
        Waiting("authorization", expired, "gateway_name", _expire),
        job="expire_authorizations",
        batch=batch,
    )["settled"]


def _expire(transaction_id: UUID) -> bool:
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
        return False
    return transaction.status == states.CANCELLED
