"""Making a payout: its money is set aside at once; it is sent by a job, once nothing holds it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.http import HttpRequest

from merchants import states as merchant_states
from merchants.errors import MerchantNotActive
from merchants.models import Merchant
from payments_project.actor import Actor
from payments_project.events.record import record_event
from payments_project.staff.approvals import needs_approval, request_approval
from payments_project.tenancy import LIVE, TEST, Scope
from transactions import states
from transactions.access import payouts_of
from transactions.balances import read_balances
from transactions.banks.registry import select_bank
from transactions.errors import (
    BalanceInsufficient,
    PayoutAccountMissing,
    PayoutAccountUnconfirmed,
    PayoutStateInvalid,
)
from transactions.ledger import payout_movements, record_movements
from transactions.locking import lock_balance
from transactions.payout_models import Payout, PayoutAccount
from transactions.services.payout_accounts import open_test_account
from transactions.snapshot import payout_snapshot

# What may need a second person, as its limits call it.
PAYOUT_ACTION = "payout"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a payout is made, beside who asks: the failed one it repeats, or a schedule's UTC day.

    ``reason`` is told to the second person who may have to approve it, ``request`` is the console's.
    """

    reason: str = ""
    request: HttpRequest | None = None
    retry_of: UUID | None = None
    schedule_day: date | None = None


def create_payout(
    *,
    scope: Scope,
    amount: int,
    currency: str,
    description: str | None,
    actor: Actor,
    cause: Cause | None = None,
) -> Payout:
    """Sets ``amount`` (minor units, above zero) of the available balance aside for the merchant's
    default bank account, in the caller's transaction. Locks the balance row.

    Never more than is available at that moment: two at once are one after the other. Over the limit
    it ``awaits_approval`` by a second person, who is asked here, and is not sent before; in test
    mode only what staff pay out does.

    Raises ``BalanceInsufficient``, ``PayoutAccountMissing``, ``PayoutAccountUnconfirmed``,
    ``PayoutStateInvalid`` where what is repeated has not failed or was repeated already,
    ``MerchantNotActive`` for an account whose live money is held, ``Unavailable`` without a bank.
    """
    cause = cause or Cause()
    require_payable_merchant(scope, by_staff=actor.kind == "staff")
    bank = select_bank(scope)
    lock_balance(scope=scope, currency=currency)
    if cause.retry_of is not None:
        _require_retriable(scope, cause.retry_of)
    available = available_now(scope, currency)
    if amount > available:
        raise BalanceInsufficient(
            f"At most {max(available, 0)} of {currency} is available.", param="amount"
        )
    account = _account(scope, currency)
    payout = Payout(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        account=account,
        amount=amount,
        currency=currency,
        description=description,
        awaits_approval=_needs_second_person(scope, actor, amount, currency),
        bank_name=bank.name,
        retry_of_id=cause.retry_of,
        schedule_day=cause.schedule_day,
        requested_by=actor.id,
        requested_by_kind=actor.kind,
    )
    payout.save(force_insert=True)
    record_movements(
        payout_movements(payout_id=payout.pk, amount=amount),
        scope=scope,
        currency=currency,
        transaction_id=None,
    )
    record_event(aggregate=payout, type="payout.created", data=payout_snapshot(payout), actor=actor)
    if payout.awaits_approval:
        request_approval(
            action=PAYOUT_ACTION,
            obj=payout,
            environment=scope.environment,
            amount=amount,
            currency=currency,
            values={"account_last_four": account.last_four},
            reason=cause.reason or _asked_by(actor, cause),
            request=cause.request,
        )
    return payout


def _needs_second_person(scope: Scope, actor: Actor, amount: int, currency: str) -> bool:
    """Over the limit; but nobody waits for us to approve the test payouts of an integration."""
    if scope.environment != LIVE and actor.kind != "staff":
        return False
    return needs_approval(PAYOUT_ACTION, amount=amount, currency=currency)


def available_now(scope: Scope, currency: str) -> int:
    """The merchant's available money of a currency, exactly; minor units. Whoever spends it holds
    the balance row's lock."""
    return next(
        (balance.available for balance in read_balances(scope) if balance.currency == currency), 0
    )


def require_payable_merchant(scope: Scope, *, by_staff: bool) -> None:
    """Raises ``MerchantNotActive`` where live money is held: of an account that was never
    activated, of a suspended one, and of a closed one unless staff pay out what it is owed."""
    if scope.environment != LIVE:
        return
    status = Merchant.objects.values_list("status", flat=True).get(pk=scope.merchant_id)
    if status == merchant_states.ACTIVE or (status == merchant_states.CLOSED and by_staff):
        return
    raise MerchantNotActive(f"The account is {status}: its money is held.")


def _require_retriable(scope: Scope, payout_id: UUID) -> None:
    """The balance row's lock, which every repetition takes, keeps two from being made at once."""
    failed = payouts_of(scope).filter(pk=payout_id, status=states.FAILED)
    if not failed.exists() or Payout.objects.filter(retry_of=payout_id).exists():
        raise PayoutStateInvalid("Only a failed payout is paid out again, and once.")


def _account(scope: Scope, currency: str) -> PayoutAccount:
    account = PayoutAccount.objects.filter(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        currency=currency,
        is_default=True,
    ).first()
    if account is None and scope.environment == TEST:
        account = open_test_account(scope=scope, currency=currency)
    if account is None:
        raise PayoutAccountMissing(f"There is no bank account for payouts in {currency}.")
    if account.status != states.CONFIRMED:
        raise PayoutAccountUnconfirmed(
            f"The bank account for payouts in {currency} is new or has changed; we confirm it"
            " before money is sent there."
        )
    return account


def _asked_by(actor: Actor, cause: Cause) -> str:
    if cause.schedule_day is not None:
        return f"Due on {cause.schedule_day} by the merchant's schedule."
    return "Asked for by API." if actor.kind == "api_key" else "Asked for by the system."
