"""Settling payouts whose bank did not answer, or has not told what became of them: ask it."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, QuerySet, Value
from django.db.models.functions import Now

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from transactions import states
from transactions.banks.interface import BankResult
from transactions.banks.registry import banks_by_file, get_bank
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.gateways.lease import gateway_lease_seconds
from transactions.locking import lock_payout
from transactions.payout_models import Payout
from transactions.services.ask_gateways import Waiting, ask_gateways
from transactions.services.finish_payout import BANK_UNAVAILABLE, fail_payout
from transactions.services.send_payouts import take_answer


def resolve_payouts(*, batch: int = 500) -> dict[str, int]:
    """Asks the bank about payouts that were sent longer than the lease ago and never answered.

    One that the bank does not know is barred there first, so that a late arrival of the lost call
    can't pay it out, and only then has failed; it is never sent again. Returns how many were asked
    about and how many are settled now. Safe to run twice or at once.
    """
    waiting = _sent(gateway_lease_seconds()).filter(awaits_bank=False)
    return ask_gateways(
        Waiting("payout", waiting, "bank_name", _resolve), job="resolve_payouts", batch=batch
    )


def settle_overdue_payouts(*, batch: int = 500) -> dict[str, int]:
    """Asks about payouts that the bank took longer than ``GATEWAY_MESSAGE_OVERDUE_SECONDS`` ago and
    has told nothing of since: a message can be lost. Only an explicit outcome settles one.

    Returns how many were asked about and how many are settled now. Safe to run twice or at once,
    and beside the message itself.
    """
    waiting = _sent(settings.GATEWAY_MESSAGE_OVERDUE_SECONDS).filter(awaits_bank=True)
    return ask_gateways(
        Waiting("payout", waiting, "bank_name", _ask_again),
        job="settle_overdue_payouts",
        batch=batch,
    )


def _sent(seconds: float) -> "QuerySet[Payout]":
    """Undecided payouts that were sent before so many seconds, by PostgreSQL's clock."""
    moment = ExpressionWrapper(
        Now() - Value(timedelta(seconds=seconds)), output_field=DateTimeField()
    )
    return Payout.objects.filter(status=states.PENDING, sent_at__lt=moment).exclude(
        bank_name__in=banks_by_file()
    )


def _resolve(payout_id: UUID) -> bool:
    result = _look_up(payout_id)
    if result.outcome is Outcome.NOT_FOUND:
        return _bar(payout_id)
    return run_in_transaction(lambda: take_answer(lock_payout(payout_id), result))


def _ask_again(payout_id: UUID) -> bool:
    result = _look_up(payout_id)
    if result.outcome not in (Outcome.SUCCEEDED, Outcome.DECLINED):
        return False
    return run_in_transaction(lambda: take_answer(lock_payout(payout_id), result))


def _look_up(payout_id: UUID) -> BankResult:
    payout = Payout.objects.get(pk=payout_id)
    return call_gateway(get_bank(payout.bank_name).lookup, reference=payout.pk)


def _bar(payout_id: UUID) -> bool:
    """Has the bank bar the payout's reference, and fails it where it has."""
    bank = get_bank(Payout.objects.get(pk=payout_id).bank_name)
    barred = call_gateway(bank.bar, reference=payout_id)
    if barred.outcome is not Outcome.SUCCEEDED:
        # It was taken between the two questions, or can't be barred: ask again later.
        return False

    def work() -> bool:
        payout = lock_payout(payout_id)
        if payout.status == states.PENDING and not payout.awaits_bank:
            fail_payout(
                payout,
                code=BANK_UNAVAILABLE,
                message="The payout did not reach the bank.",
                actor=SYSTEM,
            )
        return payout.status != states.PENDING

    return run_in_transaction(work)
