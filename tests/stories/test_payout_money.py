"""Money stories that end at the bank: each states every ledger entry and every balance."""

from disputes.models import Dispute
from disputes.services.audit_books import audit_books
from disputes.services.close_dispute import close_dispute
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.payouts.making import give, let_bank_work, make_account, pay_out, payout
from transactions.balances import fold_balances
from transactions.models import LedgerEntry
from transactions.services.adjust_balance import adjust_balance

AT_ONCE_AVAILABLE = "4000000000000077"
DISPUTED = "4000000000000259"


def books(api: Api, table: str, **balances: tuple[int, int, int]) -> None:
    """Every entry is a line of ``table`` (currency, type, amount, debit, credit; USD if left out),
    in that order, and every balance (pending, available, reserved) as stated; the auditor agrees.
    """
    entries = LedgerEntry.objects.filter(
        merchant_id=api.scope.merchant_id, environment=api.scope.environment
    ).order_by("id")
    found = [
        f"{entry.currency} {entry.type} {entry.amount} {entry.debit_account} {entry.credit_account}"
        for entry in entries
    ]
    wanted = [" ".join(line.split()) for line in table.strip().splitlines()]
    wanted = [line if line[:3].isupper() else f"USD {line}" for line in wanted]
    assert found == wanted
    for _ in range(2):
        told = api.get("/v1/balance").json()["balances"]
        assert {
            item["currency"]: (item["pending"], item["available"], item["reserved"])
            for item in told
        } == balances
        fold_balances()
    assert audit_books() == []


def test_all_that_was_earned_is_paid_out(api: Api) -> None:
    make_account(api.scope)
    api.paid(AT_ONCE_AVAILABLE, amount=10_000)
    made = pay_out(api, 9_680)
    let_bank_work()

    assert payout(api, made["id"])["status"] == "paid"
    books(
        api,
        """
        payment  10000  gateway    available
        fee        320  available  fees
        payout    9680  available  bank
        """,
        USD=(0, 0, 0),
    )


def test_dispute_after_the_payout_takes_the_balance_below_zero(api: Api) -> None:
    make_account(api.scope)
    # Its money is given early, so that it can be gone before the dispute.
    disputed = api.paid(DISPUTED, amount=10_000)
    give(api.scope, 9_680)
    pay_out(api, 9_680)
    let_bank_work()
    dispute = Dispute.objects.get(transaction_id=disputed["id"])
    run_in_transaction(lambda: close_dispute(dispute_id=dispute.pk, status="lost", actor=SYSTEM))

    refused = api.post("/v1/payouts", {"amount": 1, "currency": "USD"})

    api.error(refused, 409, "balance_insufficient")
    books(
        api,
        """
        payment       10000  gateway      pending
        fee             320  pending      fees
        adjustment     9680  adjustments  available
        payout         9680  available    bank
        dispute_hold  11500  available    reserved
        dispute_loss  10000  reserved     gateway
        dispute_loss   1500  reserved     fees
        """,
        USD=(9_680, -11_500, 0),
    )


def test_what_is_owed_is_earned_before_anything_is_paid_out(api: Api) -> None:
    make_account(api.scope)
    first = api.paid(AT_ONCE_AVAILABLE, amount=1_000)
    pay_out(api, 941)
    let_bank_work()
    assert api.post("/v1/refunds", {"transaction": first["id"]}).status_code == 201
    assert api.balance()["available"] == -1_000
    api.paid(AT_ONCE_AVAILABLE, amount=2_000)

    api.error(
        api.post("/v1/payouts", {"amount": 913, "currency": "USD"}), 409, "balance_insufficient"
    )
    pay_out(api, 912)
    let_bank_work()

    books(
        api,
        """
        payment  1000  gateway    available
        fee        59  available  fees
        payout    941  available  bank
        refund   1000  available  gateway
        payment  2000  gateway    available
        fee        88  available  fees
        payout    912  available  bank
        """,
        USD=(0, 0, 0),
    )


def test_failed_payout_is_paid_by_another(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 90_003)
    failed = pay_out(api, 90_003)
    let_bank_work()
    assert payout(api, failed["id"])["status"] == "failed"
    pay_out(api, 90_000)
    let_bank_work()

    books(
        api,
        """
        adjustment      90003  adjustments  available
        payout          90003  available    bank
        payout_failure  90003  bank         available
        payout          90000  available    bank
        """,
        USD=(0, 3, 0),
    )


def test_returned_payout_comes_back_though_it_was_paid(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 90_004)
    returned = pay_out(api, 90_004)
    let_bank_work()

    found = payout(api, returned["id"])
    assert found["status"] == "failed"
    assert found["paid_at"] is not None
    books(
        api,
        """
        adjustment      90004  adjustments  available
        payout          90004  available    bank
        payout_failure  90004  bank         available
        """,
        USD=(0, 90_004, 0),
    )


def test_cancelled_payout_never_leaves(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 1_000)
    made = pay_out(api, 600)
    assert api.post(f"/v1/payouts/{made['id']}/cancel").status_code == 200
    let_bank_work()

    books(
        api,
        """
        adjustment      1000  adjustments  available
        payout           600  available    bank
        payout_failure   600  bank         available
        """,
        USD=(0, 1_000, 0),
    )


def test_payout_on_its_way_is_nobodys_to_refund_from(api: Api) -> None:
    make_account(api.scope)
    paid = api.paid(AT_ONCE_AVAILABLE, amount=1_000)
    made = pay_out(api, 941)
    assert api.post("/v1/refunds", {"transaction": paid["id"], "amount": 400}).status_code == 201
    assert api.balance()["available"] == -400
    assert api.post(f"/v1/payouts/{made['id']}/cancel").status_code == 200

    books(
        api,
        """
        payment         1000  gateway    available
        fee               59  available  fees
        payout           941  available  bank
        refund           400  available  gateway
        payout_failure   941  bank       available
        """,
        USD=(0, 541, 0),
    )


def test_each_currency_has_its_own_money_and_account(api: Api) -> None:
    for currency in ("USD", "EUR", "JPY"):
        make_account(api.scope, currency)
    api.paid(AT_ONCE_AVAILABLE, amount=1_000)
    api.paid(AT_ONCE_AVAILABLE, amount=2_000, currency="EUR")
    give(api.scope, 500, "JPY")
    pay_out(api, 1_912, "EUR")
    pay_out(api, 500, "JPY")
    let_bank_work()

    books(
        api,
        """
        USD payment     1000  gateway      available
        USD fee           59  available    fees
        EUR payment     2000  gateway      available
        EUR fee           88  available    fees
        JPY adjustment   500  adjustments  available
        EUR payout      1912  available    bank
        JPY payout       500  available    bank
        """,
        USD=(0, 941, 0),
        EUR=(0, 0, 0),
        JPY=(0, 0, 0),
    )


def test_pending_money_waits_for_its_day(api: Api) -> None:
    make_account(api.scope)
    api.paid(amount=1_000)
    api.error(
        api.post("/v1/payouts", {"amount": 1, "currency": "USD"}), 409, "balance_insufficient"
    )

    books(
        api,
        """
        payment  1000  gateway  pending
        fee        59  pending  fees
        """,
        USD=(941, 0, 0),
    )


def test_recorded_money_is_never_paid_out_and_its_fee_is_owed(api: Api) -> None:
    make_account(api.scope)
    sale = {
        "amount": 5_000,
        "currency": "USD",
        "payment_method_type": "cash",
        "external_reference": "till-1",
        "fee_amount": 25,
        "refund": {"amount": 2_000},
    }
    assert api.post("/v1/transactions/record", sale).status_code == 201
    api.paid(AT_ONCE_AVAILABLE, amount=1_000)
    api.error(
        api.post("/v1/payouts", {"amount": 917, "currency": "USD"}), 409, "balance_insufficient"
    )
    pay_out(api, 916)
    deliver_gateway_messages()
    let_bank_work()

    books(
        api,
        """
        payment     5000  gateway    available
        fee           25  available  fees
        adjustment  5000  available  gateway
        refund      2000  available  gateway
        adjustment  2000  gateway    available
        payment     1000  gateway    available
        fee           59  available  fees
        payout       916  available  bank
        """,
        USD=(0, 0, 0),
    )


def test_adjustments_both_ways_and_the_rest_paid_out(api: Api) -> None:
    make_account(api.scope)
    give(api.scope, 1_000)
    run_in_transaction(
        lambda: adjust_balance(
            scope=api.scope, amount=-300, currency="USD", reason="Chargeback fee", actor=SYSTEM
        )
    )
    pay_out(api, 700)
    let_bank_work()

    books(
        api,
        """
        adjustment  1000  adjustments  available
        adjustment   300  available    adjustments
        payout       700  available    bank
        """,
        USD=(0, 0, 0),
    )
