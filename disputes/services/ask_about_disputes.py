"""Disputes of which a gateway has long said nothing: a message can be lost, so ask."""

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from disputes import states
from disputes.locking import lock_dispute
from disputes.models import Dispute
from disputes.services.close_dispute import close_dispute
from disputes.services.dispute_acts import Within, nothing, pending_operation
from payments_project.actor import SYSTEM, Actor
from payments_project.database.transaction_manager import run_in_transaction
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.gateways.registry import get_gateway
from transactions.services.ask_gateways import Waiting, ask_gateways

# Reviews take weeks; a lost message costs the merchant a day.
SILENT = timedelta(days=1)


def ask_about_disputes(*, batch: int = 500) -> dict[str, int]:
    """Asks gateways about their disputes that are undecided and unchanged for a day.

    Only an explicit outcome settles one. Returns how many were asked about and how many are
    settled now (``ask_gateways``). Safe to run twice or at once, and beside the message itself.
    """
    waiting = Dispute.objects.filter(
        status__in=states.DISPUTE_UNRESOLVED, is_at_gateway=True, updated_at__lt=Now() - SILENT
    )
    return ask_gateways(
        Waiting("dispute", waiting, "transaction__gateway_name", _ask_about),
        job="ask_about_disputes",
        batch=batch,
    )


def ask_about_dispute(*, dispute_id: UUID, actor: Actor, within: Within = nothing) -> Dispute:
    """Asks the gateway how a dispute stands, and closes it if that is decided there.

    An outcome that can't be, such as a warning for a chargeback, changes nothing. ``within`` is
    called in the transaction that commits what was heard.
    """
    dispute = Dispute.objects.select_related("transaction").get(pk=dispute_id)
    gateway = get_gateway(dispute.transaction.gateway_name)
    result = call_gateway(gateway.lookup_dispute, dispute=dispute.gateway_dispute_id or "")

    def work() -> Dispute:
        _, current = lock_dispute(dispute_id)
        told = result.dispute_status if result.outcome is Outcome.SUCCEEDED else None
        is_impossible = told == states.WARNING_CLOSED and current.dispute_type == Dispute.CHARGEBACK
        if (
            told in states.DISPUTE_OUTCOMES
            and current.status in states.DISPUTE_UNRESOLVED
            and not is_impossible
            and pending_operation(current) is None
        ):
            current = close_dispute(dispute_id=current.pk, status=told, actor=actor)
        within(current)
        return current

    return run_in_transaction(work)


def _ask_about(dispute_id: UUID) -> bool:
    asked = ask_about_dispute(dispute_id=dispute_id, actor=SYSTEM)
    return asked.status in states.DISPUTE_OUTCOMES
