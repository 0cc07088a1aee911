"""Sending payouts to the bank, in the three steps: the intent is committed, the bank is asked
outside of any transaction, its answer is committed."""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from merchants import states as merchant_states
from merchants.models import Merchant
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import LIVE
from transactions import states
from transactions.banks.interface import BankResult, PaymentOrder
from transactions.banks.registry import banks_by_file, get_bank
from transactions.gateways.calls import call_gateway
from transactions.gateways.interface import Outcome
from transactions.locking import lock_payout
from transactions.payout_models import Payout, PayoutAccount
from transactions.services.ask_gateways import Waiting, ask_gateways
from transactions.services.contradictions import keep_contradicting_answer
from transactions.services.finish_payout import (
    ACCOUNT_REMOVED,
    NEVER_TAKEN,
    fail_payout,
    pay_payout,
)

_HELD = (merchant_states.PENDING, merchant_states.SUSPENDED)


def send_payouts(*, batch: int = 500) -> dict[str, int]:
    """Sends what is due to banks that take calls; returns how many were asked about and how many
    are settled now (``ask_gateways``).

    Safe to run twice or at once: whoever marks a payout as sent, under its row's lock, is the only
    one who ever sends it. One whose bank certainly did not take it is sent again by a later run.
    """
    waiting = sendable_payouts().exclude(bank_name__in=banks_by_file())
    return ask_gateways(
        Waiting("payout", waiting, "bank_name", send_payout), job="send_payouts", batch=batch
    )


def sendable_payouts() -> "QuerySet[Payout]":
    """Payouts that were not sent and that nothing holds: no approval, no merchant that is suspended
    or was never activated (live), no change of the bank account that nobody has confirmed."""
    being_replaced = PayoutAccount.objects.filter(
        replaces=OuterRef("account_id"), status=states.UNCONFIRMED
    )
    held = Merchant.objects.filter(pk=OuterRef("merchant_id"), status__in=_HELD)
    rows = Payout.objects.filter(status=states.PENDING, sent_at__isnull=True, awaits_approval=False)
    return rows.exclude(Exists(being_replaced)).exclude(Exists(held), environment=LIVE)


def send_payout(payout_id: UUID) -> bool:
    """Sends one payout, unless another has; returns whether it is settled or with the bank now."""
    claimed = run_in_transaction(lambda: _claim(payout_id))
    if claimed is None:
        return False
    order, bank_name = claimed
    result = call_gateway(get_bank(bank_name).send, order)
    return run_in_transaction(lambda: _commit(order.reference, result))


def _claim(payout_id: UUID) -> tuple[PaymentOrder, str] | None:
    """Marks the payout as sent; None if it is not to be sent (any more)."""
    payout = lock_payout(payout_id)
    if not sendable_payouts().filter(pk=payout.pk).exists():
        return None
    account = payout.account
    if account.status != states.CONFIRMED:
        fail_payout(
            payout,
            code=ACCOUNT_REMOVED,
            message="The bank account was removed before the payout was sent.",
            actor=SYSTEM,
        )
        return None
    # By PostgreSQL's clock, as the lease is judged.
    Payout.objects.filter(pk=payout.pk).update(sent_at=Now())
    order = PaymentOrder(
        reference=payout.pk,
        environment=payout.environment,
        amount=payout.amount,
        currency=payout.currency,
        account=account,
    )
    return order, payout.bank_name


def _commit(payout_id: UUID, result: BankResult) -> bool:
    payout = lock_payout(payout_id)
    if result.outcome is Outcome.UNAVAILABLE:
        if payout.status == states.PENDING and not payout.awaits_bank:
            Payout.objects.filter(pk=payout.pk).update(sent_at=None)
        return False
    return take_answer(payout, result)


def take_answer(payout: Payout, result: BankResult) -> bool:
    """Writes what the bank said of a payout that was sent; returns whether it is settled or with
    the bank now. The caller holds the row's lock.

    An unknown outcome changes nothing. What contradicts a settled payout is kept for staff.
    """
    if result.outcome in (Outcome.UNKNOWN, Outcome.UNAVAILABLE, Outcome.NOT_FOUND):
        return payout.status != states.PENDING
    _keep(payout, result)
    if payout.status == states.PENDING:
        if result.outcome is Outcome.SUCCEEDED:
            pay_payout(payout, actor=SYSTEM)
        elif result.outcome is Outcome.DECLINED:
            _fail(payout, result)
        else:
            payout.awaits_bank = True
            payout.save(update_fields=["awaits_bank"])
    elif payout.status == states.PAID and result.outcome is Outcome.DECLINED:
        _fail(payout, result)
    elif _contradicts(payout, result):
        keep_contradicting_answer(
            gateway_name=payout.bank_name,
            call="payout",
            reference=payout.pk,
            text=f"the answer to the payout is {result.outcome.value}, and it is {payout.status}",
        )
    return True


def _keep(payout: Payout, result: BankResult) -> None:
    """What the bank answered, kept even where its later message has settled the payout first."""
    payout.bank_reference = result.bank_reference or payout.bank_reference
    payout.bank_response = dict(result.response)
    payout.save(update_fields=["bank_reference", "bank_response"])


def _fail(payout: Payout, result: BankResult) -> None:
    code = result.failure_code or "declined"
    fail_payout(payout, code=code, message=result.message, actor=SYSTEM)


def _contradicts(payout: Payout, result: BankResult) -> bool:
    """Whether the bank has taken what we have as never sent, or paid what we have as never paid. A
    returned payout had been paid: an answer from before may be heard after."""
    if result.outcome is Outcome.ACCEPTED:
        return payout.failure_code in NEVER_TAKEN or payout.status == states.CANCELLED
    return result.outcome is Outcome.SUCCEEDED and (
        payout.status == states.CANCELLED
        or (payout.status == states.FAILED and payout.paid_at is None)
    )
