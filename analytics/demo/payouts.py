"""The demo merchant's bank accounts, and a few payouts to look at."""

from datetime import UTC, datetime
from functools import partial

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.tenancy import LIVE, Scope
from transactions.payout_models import WEEKLY
from transactions.services.create_payout import available_now, create_payout
from transactions.services.payout_accounts import (
    BankDetails,
    add_payout_account,
    confirm_payout_account,
)
from transactions.services.set_payout_schedule import set_payout_schedule

HOLDER = "Blue Heron Coffee Roasters LLC"
# Of documentation, and nobody's: the numbers with which standards and banks show theirs.
_ACCOUNTS = {
    "USD": BankDetails(HOLDER, "000123456789", "110000000", "BOFAUS3NXXX", "US"),
    "EUR": BankDetails(HOLDER, "DE89370400440532013000", bic="COBADEFFXXX"),
    "GBP": BankDetails(HOLDER, "GB29NWBK60161331926819", bic="NWBKGB2L"),
}
# Shares of what is available: paid by the bank when the worker runs, and one over the limit of one
# person, which waits for a second.
_SHARES = (12, 3)


def open_payout_accounts(scope: Scope) -> None:
    """An account for each currency of the history, and for live money a weekly schedule of one."""
    # Not today, whenever that is: what the demo shows stays as it is for a while.
    weekday = (datetime.now(UTC).weekday() + 4) % 7

    def work() -> None:
        for currency, details in _ACCOUNTS.items():
            account = add_payout_account(
                scope=scope, currency=currency, details=details, created_by=None
            )
            confirm_payout_account(
                scope=scope,
                account_id=account.pk,
                account_number=details.account_number,
                confirmed_by=None,
            )
        if scope.environment == LIVE:
            set_payout_schedule(
                scope=scope, currency="EUR", interval=WEEKLY, weekday=weekday, minimum_amount=10_000
            )

    run_in_transaction(work)


def pay_out_history(scope: Scope) -> int:
    """Pays parts of the available dollars out; returns how many payouts that made."""
    return sum(run_in_transaction(partial(_pay_out, scope, share)) for share in _SHARES)


def _pay_out(scope: Scope, share: int) -> int:
    amount = available_now(scope, "USD") // share
    if amount <= 0:
        return 0
    create_payout(scope=scope, amount=amount, currency="USD", description="Weekly", actor=SYSTEM)
    return 1
