"""Merchants with money that can be paid out, and the bank's part of it, done now."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import override_settings
from stdnum import iban as iban_number

from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.models import Event
from payments_project.tenancy import Scope
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from transactions.gateways.lease import gateway_lease_seconds
from transactions.payout_models import Payout, PayoutAccount, PayoutExport
from transactions.services.adjust_balance import adjust_balance
from transactions.services.create_payout import create_payout
from transactions.services.export_payouts import export_payouts
from transactions.services.payout_accounts import (
    BankDetails,
    add_payout_account,
    confirm_payout_account,
)
from transactions.services.send_payouts import send_payouts


def german_iban(account: str) -> str:
    """A valid IBAN whose last digits are ``account``."""
    number = f"DE0037040044{account:0>10}"
    return f"DE{iban_number.calc_check_digits(number)}{number[4:]}"


def make_account(
    scope: Scope,
    currency: str = "USD",
    *,
    last_four: str = "0001",
    is_confirmed: bool = True,
    holder: str = "Corner Shop Ltd",
) -> PayoutAccount:
    """An account for payouts that no member of staff has made."""
    number = german_iban(last_four)

    def work() -> PayoutAccount:
        account = add_payout_account(
            scope=scope,
            currency=currency,
            details=BankDetails(holder_name=holder, account_number=number),
            created_by=None,
        )
        if not is_confirmed:
            return account
        return confirm_payout_account(
            scope=scope, account_id=account.pk, account_number=number, confirmed_by=None
        )

    return run_in_transaction(work)


def give(scope: Scope, amount: int, currency: str = "USD") -> None:
    """So much available money, exactly, by an adjustment."""
    run_in_transaction(
        lambda: adjust_balance(
            scope=scope, amount=amount, currency=currency, reason="tests", actor=SYSTEM
        )
    )


def pay_out(api: Api, amount: int, currency: str = "USD", **more: Any) -> dict[str, Any]:
    """A payout that is expected to be made."""
    response = api.post("/v1/payouts", {"amount": amount, "currency": currency, **more})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def payout(api: Api, payout_id: str) -> dict[str, Any]:
    response = api.get(f"/v1/payouts/{payout_id}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def events(payout_id: str) -> list[str]:
    """The types of its events, the oldest first."""
    rows = Event.objects.filter(aggregateid=payout_id).order_by("sequence")
    return list(rows.values_list("type", flat=True))


def lease_is_over(payout_id: str) -> None:
    """Moves the time of sending back, as if the lease were over."""
    Payout.objects.filter(pk=payout_id).update(
        sent_at=datetime.now(UTC) - timedelta(seconds=gateway_lease_seconds() + 60)
    )


@contextmanager
def bank_by_file() -> Iterator[None]:
    """Live payouts that are made in this process go out in files, from an account of ours."""
    debtor = {"name": "Payment Service Ltd", "iban": german_iban("9000"), "bic": "COBADEFFXXX"}
    with override_settings(
        SIMULATOR_ANSWERS_LIVE=False, PAYOUT_BANK="file", PAYOUT_DEBTORS={"EUR": debtor}
    ):
        yield


def pay_out_by_file(scope: Scope, amount: int, **more: Any) -> Payout:
    """A live payout in EUR that waits for a file."""
    with bank_by_file():
        return run_in_transaction(
            lambda: create_payout(
                scope=scope,
                amount=amount,
                currency="EUR",
                description=more.pop("description", None),
                actor=SYSTEM,
                **more,
            )
        )


def export(*, environment: str = "live", currency: str = "EUR") -> PayoutExport:
    """The file of all that wait."""
    with bank_by_file():
        return run_in_transaction(
            lambda: export_payouts(environment=environment, currency=currency, created_by=None)
        )


def let_bank_work() -> None:
    """What is due is sent, and the bank's messages are delivered and applied."""
    send_payouts()
    deliver_gateway_messages()
