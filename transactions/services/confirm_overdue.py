"""Captured payments whose confirmation never came: a gateway's message can be lost, so ask."""

from uuid import UUID

from django.conf import settings

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import UUID7Before
from transactions import states
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.gateways.registry import get_gateway
from transactions.models import Transaction
from transactions.outcomes import require_captured_amount
from transactions.services.ask_gateways import Waiting, ask_gateways
from transactions.services.confirm import confirm_capture
from transactions.services.contradictions import note_late_confirmation


def confirm_overdue_captures(*, batch: int = 500) -> dict[str, int]:
    """Asks the gateway about captured payments that were made longer than
    ``GATEWAY_MESSAGE_OVERDUE_SECONDS`` ago and are not confirmed.

    Only an explicit refusal or the same captured amount settles one: a gateway that has accepted a
    capture and doesn't know it now is no proof that nobody was charged. Returns how many were
    asked about and how many are settled now (``ask_gateways``). Safe to run twice or at once, and
    beside the message itself.
    """
    waiting = Transaction.objects.filter(
        status=states.CAPTURED, id__lt=UUID7Before(settings.GATEWAY_MESSAGE_OVERDUE_SECONDS)
    )
    return ask_gateways(
        Waiting("transaction", waiting, "gateway_name", confirm_by_asking),
        job="confirm_overdue_captures",
        batch=batch,
    )


def confirm_by_asking(transaction_id: UUID) -> bool:
    """Asks about one captured payment; whether it is settled now. Raises ``GatewayContractBroken``
    for an answer without what was captured."""
    transaction = Transaction.objects.get(pk=transaction_id)
    gateway = get_gateway(transaction.gateway_name)
    result = call_gateway(gateway.lookup, charge=transaction.pk)
    captured = (
        result.outcome is Outcome.SUCCEEDED
        and require_captured_amount(transaction, result) == transaction.captured_amount
    )
    if not captured and result.outcome is not Outcome.DECLINED:
        return False
    confirmed = run_in_transaction(
        lambda: confirm_capture(transaction_id=transaction.pk, succeeded=captured, actor=SYSTEM)
    )
    note_late_confirmation(transaction=confirmed, was_captured=captured)
    return confirmed.status != states.CAPTURED
