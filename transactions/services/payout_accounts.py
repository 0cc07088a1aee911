"""Where merchants' money goes: accounts are added, replaced, confirmed and removed.

Changing a merchant's bank details is how payment services are robbed. So no number is ever edited;
another account takes its place, payouts of the currency pause, and a second person confirms it by
entering its number once more from the merchant's own document.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from stdnum import bic as bic_number
from stdnum import iban as iban_number
from stdnum.exceptions import ValidationError
from stdnum.us import rtn

from payments_project.errors import InvalidInput, ResourceMissing
from payments_project.staff.approvals import SecondPersonNeeded
from payments_project.tenancy import Scope
from transactions import states
from transactions.errors import PayoutStateInvalid
from transactions.locking import lock_payout_accounts
from transactions.payout_models import PayoutAccount

HOLDER_LENGTH_MAX = 140
_LOCAL_NUMBER = re.compile(r"[0-9A-Z]{4,34}", re.ASCII)
_ROUTING_NUMBER = re.compile(r"[0-9A-Z]{3,20}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BankDetails:
    """An account as somebody entered it: an IBAN, or a number with its bank's routing number."""

    holder_name: str
    account_number: str
    routing_number: str | None = None
    bic: str | None = None
    country: str | None = None


# The number with which banks' documentation shows an IBAN; nobody's.
_TEST_DETAILS = BankDetails("Test account", "DE89370400440532013000")


def add_payout_account(
    *,
    scope: Scope,
    currency: str,
    details: BankDetails,
    created_by: UUID | None,
    replaces: UUID | None = None,
) -> PayoutAccount:
    """Adds an unconfirmed account, in the caller's transaction; locks the currency's accounts.

    The first of its currency, and one that ``replaces`` the default, is the default at once: payouts
    of the currency pause until it is confirmed. Another one that still waits in the same place is
    removed. Raises ``InvalidInput`` for details that can't be right, ``ResourceMissing``.
    """
    checked = _checked(details)
    accounts = lock_payout_accounts(scope=scope, currency=currency)
    account = PayoutAccount(
        merchant_id=scope.merchant_id,
        environment=scope.environment,
        currency=currency,
        created_by=created_by,
        is_default=not any(other.is_default for other in accounts),
        **checked,
    )
    if replaces is not None:
        old = _of(accounts, replaces)
        account.is_default = old.is_default
        for waiting in accounts:
            if waiting.status == states.UNCONFIRMED and waiting.replaces_id == old.pk:
                account.is_default = account.is_default or waiting.is_default
                _remove(waiting)
        if old.status == states.UNCONFIRMED:
            account.replaces_id = old.replaces_id
            _remove(old)
        else:
            account.replaces_id = old.pk
            old.is_default = False
            old.save(update_fields=["is_default"])
    account.save(force_insert=True)
    return account


def confirm_payout_account(
    *, scope: Scope, account_id: UUID, account_number: str, confirmed_by: UUID | None
) -> PayoutAccount:
    """Lets money be sent to an account whose number a second person has entered again, in the
    caller's transaction; the account that it replaces is removed.

    Raises ``SecondPersonNeeded`` for the one who entered it, ``InvalidInput`` for another number,
    ``PayoutStateInvalid`` for one that waits no more, ``ResourceMissing``.
    """
    accounts, account = _locked(scope, account_id)
    if account.status != states.UNCONFIRMED:
        raise PayoutStateInvalid(f"The account is {account.status} already.")
    if account.created_by is not None and account.created_by == confirmed_by:
        raise SecondPersonNeeded("Who entered an account can't confirm it.")
    entered = _compact(account_number)
    if not hmac.compare_digest(entered.encode(), account.account_number.encode()):
        raise InvalidInput("That is not the number that was entered.", param="account_number")
    account.status = states.CONFIRMED
    account.confirmed_by = confirmed_by
    account.confirmed_at = datetime.now(UTC)
    account.save(update_fields=["status", "confirmed_by", "confirmed_at"])
    for other in accounts:
        if other.pk == account.replaces_id:
            _remove(other)
    return account


def remove_payout_account(*, scope: Scope, account_id: UUID) -> PayoutAccount:
    """Removes an account, in the caller's transaction: nothing more is sent to it, and payouts to
    it that were not sent fail. One that was to replace another gives its place back to that one.

    Raises ``PayoutStateInvalid`` for a removed one, ``ResourceMissing``.
    """
    accounts, account = _locked(scope, account_id)
    was_default = account.is_default
    _remove(account)
    for other in accounts:
        if was_default and other.pk == account.replaces_id:
            _make_default(other)
    return account


def choose_payout_account(*, scope: Scope, account_id: UUID) -> PayoutAccount:
    """Makes a confirmed account its currency's default, in the caller's transaction.

    Raises ``PayoutStateInvalid`` for one that is not confirmed, ``ResourceMissing``.
    """
    accounts, account = _locked(scope, account_id)
    if account.status != states.CONFIRMED:
        raise PayoutStateInvalid(f"The account is {account.status}.")
    for other in accounts:
        if other.is_default and other.pk != account.pk:
            other.is_default = False
            other.save(update_fields=["is_default"])
    _make_default(account)
    return account


def _locked(scope: Scope, account_id: UUID) -> tuple[list[PayoutAccount], PayoutAccount]:
    found = PayoutAccount.objects.filter(
        pk=account_id, merchant_id=scope.merchant_id, environment=scope.environment
    ).first()
    if found is None:
        raise ResourceMissing(f"No such payout account: {account_id}")
    accounts = lock_payout_accounts(scope=scope, currency=found.currency)
    if all(account.pk != account_id for account in accounts):
        raise PayoutStateInvalid("The account is removed already.")
    return accounts, _of(accounts, account_id)


def _of(accounts: list[PayoutAccount], account_id: UUID) -> PayoutAccount:
    for account in accounts:
        if account.pk == account_id:
            return account
    raise ResourceMissing(f"No such payout account: {account_id}")


def _make_default(account: PayoutAccount) -> None:
    account.is_default = True
    account.save(update_fields=["is_default"])


def _remove(account: PayoutAccount) -> None:
    account.status = states.REMOVED
    account.is_default = False
    account.removed_at = datetime.now(UTC)
    account.save(update_fields=["status", "is_default", "removed_at"])


def _checked(details: BankDetails) -> dict[str, str | None]:
    """The columns of a new account. Raises ``InvalidInput`` naming the field at fault."""
    holder = " ".join(details.holder_name.split())
    if not 1 <= len(holder) <= HOLDER_LENGTH_MAX:
        raise InvalidInput("The holder's name is missing or too long.", param="holder_name")
    columns = {"holder_name": holder, "bic": _checked_bic(details.bic)}
    number = _compact(details.account_number)
    if details.routing_number:
        columns |= _local(number, _compact(details.routing_number), details.country or "")
    else:
        try:
            number = iban_number.validate(number)
        except ValidationError:
            raise InvalidInput(
                "That is no IBAN; a number without one needs its bank's routing number.",
                param="account_number",
            ) from None
        columns |= {"kind": PayoutAccount.IBAN, "account_number": number, "country": number[:2]}
    return columns | {"last_four": str(columns["account_number"])[-4:]}


def _local(number: str, routing: str, country: str) -> dict[str, str | None]:
    if not _COUNTRY.fullmatch(country):
        raise InvalidInput("The bank's country is missing.", param="country")
    if not _LOCAL_NUMBER.fullmatch(number):
        raise InvalidInput("An account has 4 to 34 digits or letters.", param="account_number")
    is_routing = rtn.is_valid(routing) if country == "US" else _ROUTING_NUMBER.fullmatch(routing)
    if not is_routing:
        raise InvalidInput("That is no routing number of the country.", param="routing_number")
    return {
        "kind": PayoutAccount.LOCAL,
        "account_number": number,
        "routing_number": routing,
        "country": country,
    }


def _checked_bic(bic: str | None) -> str | None:
    if not bic:
        return None
    try:
        return str(bic_number.validate(bic))
    except ValidationError:
        raise InvalidInput("That is no BIC.", param="bic") from None


def _compact(number: str) -> str:
    return re.sub(r"[\s.-]", "", number).upper()


def open_test_account(*, scope: Scope, currency: str) -> PayoutAccount:
    """The simulated bank's account of a merchant in test mode, in the caller's transaction: nobody
    has to ask us for one before trying payouts out. Locks the currency's accounts."""
    account = add_payout_account(
        scope=scope, currency=currency, details=_TEST_DETAILS, created_by=None
    )
    return confirm_payout_account(
        scope=scope,
        account_id=account.pk,
        account_number=_TEST_DETAILS.account_number,
        confirmed_by=None,
    )
