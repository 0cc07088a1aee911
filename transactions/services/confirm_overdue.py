"""Captured payments whose confirmation never came: a gateway's message can be lost, so ask."""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid7_floor
from transactions import states
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.gateways.registry import get_gateway
from transactions.models import Transaction
from transactions.services.confirm import confirm_capture

logger = logging.getLogger(__name__)


def confirm_overdue_captures(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about every captured payment that was made longer than
    ``GATEWAY_MESSAGE_OVERDUE_SECONDS`` ago and is not confirmed.

    Only an explicit refusal or the same captured amount settles one: a gateway that has accepted a
    capture and doesn't know it now is no proof that nobody was charged. Returns how many were
    asked about and how many are settled now. Safe to run twice or at once, and beside the message
    itself. One that fails doesn't stop the others.
    """
    overdue = datetime.now(UTC) - timedelta(seconds=settings.GATEWAY_MESSAGE_OVERDUE_SECONDS)
    waiting = Transaction.objects.filter(status=states.CAPTURED, id__lt=uuid7_floor(overdue))
    asked = settled = 0
    for transaction in waiting.order_by("id")[:batch]:
        asked += 1
        try:
            settled += _ask_about(transaction)
        except Exception:
            logger.exception("could not ask about transaction %s", transaction.pk)
    return {"asked": asked, "settled": settled}


def _ask_about(transaction: Transaction) -> bool:
    gateway = get_gateway(transaction.gateway_name)
    result = call_gateway(gateway.lookup, charge=transaction.pk)
    captured = (
        result.outcome is Outcome.SUCCEEDED
        and result.captured_amount == transaction.captured_amount
    )
    if not captured and result.outcome is not Outcome.DECLINED:
        return False
    confirmed = run_in_transaction(
        lambda: confirm_capture(transaction_id=transaction.pk, succeeded=captured, actor=SYSTEM)
    )
    return confirmed.status != states.CAPTURED
