"""What each column of a daily summary counts, through the API's doors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from analytics.models import DailyTransactionSummary
from disputes.models import REASON_CODE_LENGTH_MAX, Dispute
from disputes.reason_codes import FRAUD
from tests.analytics.summaries import NOTHING, rolled_up
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from transactions.gateways.simulator.disputes import decide_dispute


def only(api: Api, currency: str = "USD") -> dict[str, Any]:
    """The merchant's summary of its one day in the currency."""
    found = [row for (_, code), row in rolled_up(api.scope).items() if code == currency]
    assert len(found) == 1
    return found[0]


def record(api: Api, occurred_at: datetime, **values: Any) -> str:
    """A payment taken elsewhere at that moment; its id."""
    response = api.post(
        "/v1/transactions/record",
        {
            "amount": 1000,
            "currency": "USD",
            "payment_method_type": "terminal",
            "external_reference": f"T-{occurred_at:%s%f}",
            "occurred_at": occurred_at.isoformat(),
            **values,
        },
    )
    assert response.status_code == 201, response.text
    made: str = response.json()["id"]
    return made


def ledger_total(api: Api, *types: str) -> int:
    """What the merchant's entries of these types come to; those of the second are taken off."""
    added, taken = types[0], types[1:]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(CASE WHEN type = %s THEN amount ELSE -amount END), 0)::bigint"
            " FROM ledger_entries WHERE merchant_id = %s AND type = ANY(%s)"
            " AND 'adjustments' NOT IN (debit_account, credit_account)",
            [added, api.scope.merchant_id, [added, *taken]],
        )
        return int(cursor.fetchone()[0])


def test_a_payment_counts_with_its_amount_and_fee(api: Api) -> None:
    paid = api.paid(amount=1000)

    assert only(api) == NOTHING | {
        "transaction_count": 1,
        "successful_count": 1,
        "gross_amount": 1000,
        "fee_amount": paid["fee_amount"],
        "net_amount": 1000 - paid["fee_amount"],
    }
    assert paid["fee_amount"] > 0
    assert ledger_total(api, "payment") == 1000
    assert ledger_total(api, "fee") == paid["fee_amount"]


def test_a_declined_payment_has_failed_and_counts_no_money(api: Api) -> None:
    assert api.pay("4000000000000002").status_code == 402

    assert only(api) == NOTHING | {"transaction_count": 1, "failed_count": 1}


def test_a_late_capture_counts_what_it_captured_on_the_day_of_the_payment(api: Api) -> None:
    held = api.paid(amount=1000, capture=False)
    assert only(api) == NOTHING | {"transaction_count": 1}

    captured = api.post(f"/v1/transactions/{held['id']}/capture", {"amount": 600}).json()

    assert only(api) == NOTHING | {
        "transaction_count": 1,
        "successful_count": 1,
        "gross_amount": 600,
        "fee_amount": captured["fee_amount"],
        "net_amount": 600 - captured["fee_amount"],
    }
    assert ledger_total(api, "payment") == 600


def test_a_cancelled_payment_is_neither_successful_nor_failed(api: Api) -> None:
    held = api.paid(amount=1000, capture=False)
    assert api.post(f"/v1/transactions/{held['id']}/cancel").status_code == 200

    assert only(api) == NOTHING | {"transaction_count": 1}


def test_a_payment_that_waits_for_its_confirmation_succeeds_when_it_is_told(api: Api) -> None:
    assert api.paid("4000000000006033", amount=900)["status"] == "captured"
    assert only(api) == NOTHING | {"transaction_count": 1}

    deliver_gateway_messages()

    row = only(api)
    assert (row["successful_count"], row["gross_amount"]) == (1, 900)


def test_refunds_stand_beside_the_net_amount(api: Api) -> None:
    paid = api.paid(amount=1000)
    for amount in (300, 200):
        api.post("/v1/refunds", {"transaction": paid["id"], "amount": amount})
    whole = api.paid(amount=400)
    api.post("/v1/refunds", {"transaction": whole["id"]})

    row = only(api)

    assert (row["refunded_count"], row["refunded_amount"]) == (2, 900)
    assert (row["successful_count"], row["gross_amount"]) == (2, 1400)
    assert row["net_amount"] == 1400 - row["fee_amount"]
    assert ledger_total(api, "refund", "refund_failure") == 900


def test_a_refund_counts_once_it_succeeded_and_not_when_it_fails_later(api: Api) -> None:
    waiting = api.paid("4000000000007726", amount=1000)
    api.post("/v1/refunds", {"transaction": waiting["id"], "amount": 250})
    row = only(api)
    assert (row["refunded_count"], row["refunded_amount"]) == (0, 0)
    deliver_gateway_messages()
    row = only(api)
    assert (row["refunded_count"], row["refunded_amount"]) == (1, 250)

    failing = api.paid("4000000000005126", amount=1000)
    api.post("/v1/refunds", {"transaction": failing["id"], "amount": 700})
    deliver_gateway_messages()

    row = only(api)
    assert (row["refunded_count"], row["refunded_amount"]) == (1, 250)
    assert ledger_total(api, "refund", "refund_failure") == 250


def test_a_chargeback_counts_whatever_becomes_of_it_and_an_inquiry_does_not(api: Api) -> None:
    api.paid("4000000000002685", amount=500)
    api.paid("4000000000001976", amount=500)
    deliver_gateway_messages()
    row = only(api)
    assert (row["dispute_count"], row["fraud_count"]) == (1, 0)
    assert (row["successful_count"], row["gross_amount"]) == (2, 1000)

    chargeback = Dispute.objects.get(merchant_id=api.scope.merchant_id, dispute_type="chargeback")
    assert chargeback.gateway_dispute_id
    decide_dispute(dispute=chargeback.gateway_dispute_id, status="won")
    deliver_gateway_messages()
    chargeback.refresh_from_db()
    assert chargeback.status == "won"
    row = only(api)
    assert (row["dispute_count"], row["successful_count"], row["gross_amount"]) == (1, 2, 1000)


def test_an_inquiry_that_becomes_a_chargeback_counts_from_then_on(api: Api) -> None:
    api.paid("4000000000001976", amount=500)
    deliver_gateway_messages()
    inquiry = Dispute.objects.get(merchant_id=api.scope.merchant_id)
    assert only(api)["dispute_count"] == 0

    api.post(
        f"/v1/disputes/{inquiry.pk}",
        {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}, "submit": True},
    )
    deliver_gateway_messages()

    row = only(api)
    assert (row["dispute_count"], row["fraud_count"]) == (1, 1)


def test_a_payment_with_two_chargebacks_counts_once(api: Api) -> None:
    api.paid("4000000000000259", amount=500)
    deliver_gateway_messages()
    first = Dispute.objects.get(merchant_id=api.scope.merchant_id)
    Dispute.objects.create(
        transaction_id=first.transaction_id, merchant_id=first.merchant_id,
        environment=first.environment, dispute_type="chargeback", reason_code="general",
        amount=1, currency=first.currency,
    )  # fmt: skip

    row = only(api)

    assert (row["dispute_count"], row["fraud_count"]) == (1, 1)
    Dispute.objects.filter(transaction_id=first.transaction_id, amount=1).delete()


@pytest.mark.parametrize(
    ("code", "fraud"),
    [("fraudulent", 1), ("10.4", 1), ("4837", 1), ("F29", 1), ("UA02", 1), ("13.1", 0), (None, 0)],
)
def test_fraud_is_a_chargeback_with_such_a_reason(api: Api, code: str | None, fraud: int) -> None:
    api.paid("4000000000002685", amount=500)
    deliver_gateway_messages()
    Dispute.objects.filter(merchant_id=api.scope.merchant_id).update(reason_code=code)

    row = only(api)

    assert (row["dispute_count"], row["fraud_count"]) == (1, fraud)


def test_reason_codes_of_fraud_are_as_long_as_we_keep_codes() -> None:
    assert all(0 < len(code) <= REASON_CODE_LENGTH_MAX for code in FRAUD)


def test_payments_of_high_risk_are_counted_whether_or_not_they_were_taken(api: Api) -> None:
    api.pay("4100000000000019", amount=70)
    api.paid("4000000000004954", amount=400)

    row = only(api)

    assert (row["transaction_count"], row["high_risk_count"]) == (2, 2)
    assert (row["successful_count"], row["failed_count"]) == (1, 1)


def test_a_payment_recorded_later_counts_on_its_own_day(api: Api) -> None:
    occurred = datetime.now(UTC) - timedelta(days=400)
    record(api, occurred, amount=2500, fee_amount=20, refund={"amount": 500})

    assert rolled_up(api.scope) == {
        (f"{occurred:%Y-%m-%d}", "USD"): NOTHING
        | {
            "transaction_count": 1,
            "successful_count": 1,
            "refunded_count": 1,
            "gross_amount": 2500,
            "fee_amount": 20,
            "net_amount": 2480,
            "refunded_amount": 500,
        }
    }
    assert ledger_total(api, "payment") == 2500


def test_days_end_at_midnight_utc(api: Api) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    midnight -= timedelta(days=40)
    record(api, midnight - timedelta(milliseconds=1), amount=1)
    record(api, midnight, amount=20)
    record(api, midnight + timedelta(days=1, milliseconds=-1), amount=300)
    record(api, midnight + timedelta(days=1), amount=4000)

    found = {day: row["gross_amount"] for (day, _), row in rolled_up(api.scope).items()}

    assert found == {
        f"{midnight - timedelta(days=1):%Y-%m-%d}": 1,
        f"{midnight:%Y-%m-%d}": 320,
        f"{midnight + timedelta(days=1):%Y-%m-%d}": 4000,
    }


def test_currencies_environments_and_merchants_are_counted_apart(
    api: Api, live_api: Api, other_api: Api
) -> None:
    api.paid(amount=1000)
    api.paid(amount=500, currency="EUR")
    live_api.paid(amount=300)
    other_api.paid(amount=70)

    assert only(api)["gross_amount"] == 1000
    assert only(api, "EUR")["gross_amount"] == 500
    assert only(live_api)["gross_amount"] == 300
    assert only(other_api)["gross_amount"] == 70


def test_the_success_rate_is_of_all_payments_of_the_day(api: Api) -> None:
    for _ in range(2):
        api.paid(amount=10)
    api.pay("4000000000000002")

    row = only(api)

    assert (row["transaction_count"], row["successful_count"], row["failed_count"]) == (3, 2, 1)
    stored = DailyTransactionSummary.objects.get(merchant_id=api.scope.merchant_id)
    assert stored.success_rate == Decimal("0.6667")
