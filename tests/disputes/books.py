"""A merchant with a bit of everything in its books, and a way to tamper with them unseen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from disputes.book_checks import CHECKS
from disputes.models import Dispute, Refund
from disputes.services.audit_books import Finding, find_differences
from disputes.services.close_dispute import close_dispute
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.payouts.making import give, let_bank_work, make_account, pay_out
from tests.schema.rows import OWNER, rolled_back
from transactions.balances import fold_balances
from transactions.payout_models import BalanceAdjustment
from transactions.services.settle import settle_due

TABLES_WITH_TRIGGERS = (
    "transactions",
    "refunds",
    "disputes",
    "payouts",
    "payout_accounts",
    "ledger_entries",
    "events",
)
FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
     WHERE contype = 'f' AND conparentid = 0 AND conrelid::regclass::text IN
           ('refunds', 'disputes', 'dispute_operations', 'dispute_evidence_files',
            'gateway_operations', 'gateway_simulator_refunds', 'customers', 'customer_totals',
            'merchant_api_keys', 'payouts', 'payout_accounts')"""


@dataclass(frozen=True)
class Books:
    """Ids of what is in the books; amounts are 1000 USD with a fee of 59 unless said otherwise."""

    merchant: str
    customer: str
    paid: str
    partly_refunded: str
    refund: str
    refunded: str
    failed_refund: str
    authorized: str
    disputed: str
    open_dispute: str
    lost_dispute: str
    declined: str
    recorded: str
    paid_payout: str
    failed_payout: str
    adjustment: str


def write_books(api: Api) -> Books:
    """Payments, captures, refunds and disputes of every kind, settled in part, and folded."""
    customer = api.post("/v1/customers", {"name": "Ada"}).json()["id"]
    paid = api.paid(customer=customer)
    partly_refunded = api.paid()
    refund = _refund(api, partly_refunded, 300)
    refunded = api.paid()
    _refund(api, refunded, 1000)
    fails_at_bank = api.paid("4000000000005126")
    failed_refund = _refund(api, fails_at_bank, 1000)
    authorized = api.paid(capture=False)
    partly = api.paid(capture=False)
    api.post(f"/v1/transactions/{partly['id']}/capture", {"amount": 600})
    cancelled = api.paid(capture=False)
    api.post(f"/v1/transactions/{cancelled['id']}/cancel")
    declined = api.pay("4000000000000002").json()["error"]["transaction"]
    api.paid("4000000000000077", currency="EUR")
    disputed = [api.paid("4000000000000259") for _ in range(3)]
    api.paid("4000000000001976")
    recorded = api.post(
        "/v1/transactions/record",
        {
            "amount": 5000,
            "currency": "USD",
            "payment_method_type": "terminal",
            "external_reference": "T-1",
            "fee_amount": 50,
            "refund": {"amount": 5000},
        },
    ).json()
    paid_payout, failed_payout = _pay_out(api)
    deliver_gateway_messages()
    _close(disputed[1], "won")
    lost = _close(disputed[2], "lost")
    settle_due(today=datetime.now(UTC).date() + timedelta(days=2))
    fold_balances()
    assert Refund.objects.get(pk=failed_refund).status == "failed"
    return Books(
        merchant=str(api.scope.merchant_id),
        customer=customer,
        paid=paid["id"],
        partly_refunded=partly_refunded["id"],
        refund=refund,
        refunded=refunded["id"],
        failed_refund=failed_refund,
        authorized=authorized["id"],
        disputed=disputed[0]["id"],
        open_dispute=str(Dispute.objects.get(transaction_id=disputed[0]["id"]).pk),
        lost_dispute=str(lost),
        declined=declined["id"],
        recorded=recorded["id"],
        paid_payout=paid_payout,
        failed_payout=failed_payout,
        adjustment=str(BalanceAdjustment.objects.get(merchant_id=api.scope.merchant_id).pk),
    )


@contextmanager
def disarmed() -> Iterator[psycopg.Connection]:
    """The owner's transaction without triggers and foreign keys; it leaves nothing behind.

    What a restored backup, a wrong migration or a hand on the console could do to the rows.
    """
    with rolled_back(OWNER) as owner:
        owner.execute("SET LOCAL lock_timeout = '10s'")
        for table in TABLES_WITH_TRIGGERS:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table, name in owner.execute(FOREIGN_KEYS).fetchall():
            owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        yield owner


def audited(owner: psycopg.Connection) -> list[Finding]:
    """What the auditor finds in what this transaction sees."""
    return find_differences(lambda sql: owner.execute(sql).fetchall(), checks=CHECKS)


def _refund(api: Api, transaction: dict[str, Any], amount: int) -> str:
    response = api.post("/v1/refunds", {"transaction": transaction["id"], "amount": amount})
    assert response.status_code == 201, response.text
    made: str = response.json()["id"]
    return made


def _pay_out(api: Api) -> tuple[str, str]:
    """A payout that is paid and one that the bank returned, in GBP, and one that was cancelled."""
    give(api.scope, 200_000, "GBP")
    make_account(api.scope, "GBP")
    paid = pay_out(api, 5_000, "GBP")
    returned = pay_out(api, 90_004, "GBP")
    cancelled = pay_out(api, 700, "GBP")
    assert api.post(f"/v1/payouts/{cancelled['id']}/cancel").status_code == 200
    let_bank_work()
    return paid["id"], returned["id"]


def _close(transaction: dict[str, Any], status: str) -> UUID:
    dispute = Dispute.objects.get(transaction_id=transaction["id"])
    run_in_transaction(lambda: close_dispute(dispute_id=dispute.pk, status=status, actor=SYSTEM))
    identity: UUID = dispute.pk
    return identity
