"""Payouts by the API: made from available money, sent, and decided by the bank."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from stdnum import iban as iban_number

from disputes.services.audit_books import audit_books
from merchants.models import Merchant
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.errors import ServiceError
from payments_project.events.models import Event
from payments_project.tenancy import Scope
from tests.api_client import Api, new_key
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import MadeMerchant, client_of, make_key
from tests.payouts.making import (
    give,
    let_bank_work,
    make_account,
    pay_out,
    payout,
)
from tests.server import Server
from tests.threads import at_once
from transactions.balances import fold_balances
from transactions.banks.simulator.scenarios import BY_LAST_FOUR, BY_TEST_AMOUNT
from transactions.payout_models import BankSimulatorTransfer, Payout
from transactions.services.create_payout import Cause, create_payout
from transactions.services.payout_accounts import remove_payout_account
from transactions.services.send_payouts import send_payouts

DIRECT_CARD = "4000000000000077"


def entries(api: Api, source: str) -> list[tuple[str, str, int]]:
    found = api.get("/v1/balance/entries", source=source).json()["data"]
    return [(entry["type"], entry["bucket"], entry["amount"]) for entry in found]


def events(payout_id: str) -> list[str]:
    told = Event.objects.filter(aggregateid=payout_id).order_by("sequence")
    return list(told.values_list("type", flat=True))


def test_payout_sets_its_money_aside_at_once_and_is_paid_by_the_bank(api: Api) -> None:
    api.paid(DIRECT_CARD, amount=10_000)
    make_account(api.scope)
    assert api.balance()["available"] == 9_680

    response = api.post(
        "/v1/payouts", {"amount": 9_000, "currency": "usd", "description": "Week 5"}
    )

    assert response.status_code == 201
    made = response.json()
    assert made == {
        "id": made["id"],
        "object": "payout",
        "environment": "test",
        "created_at": made["created_at"],
        "amount": 9_000,
        "currency": "USD",
        "status": "pending",
        "description": "Week 5",
        "paid_at": None,
    }
    assert api.balance() == {"pending": 0, "available": 680, "reserved": 0}
    assert BankSimulatorTransfer.objects.filter(pk=made["id"]).count() == 0
    send_payouts()
    assert payout(api, made["id"])["status"] == "pending"
    deliver_gateway_messages()
    paid = payout(api, made["id"])
    assert paid["status"] == "paid"
    assert paid["paid_at"] > made["created_at"]
    transfer = BankSimulatorTransfer.objects.get(pk=made["id"])
    assert (transfer.status, transfer.amount, transfer.currency) == ("paid", 9_000, "USD")
    assert entries(api, made["id"]) == [("payout", "available", -9_000)]
    assert events(made["id"]) == ["payout.created", "payout.paid"]
    fold_balances()
    assert audit_books() == []


def test_events_tell_no_more_than_amounts_and_states(api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope)
    made = pay_out(api, 1_000, description="Rent of Ada Byron")

    event = Event.objects.get(aggregateid=made["id"])

    assert event.payload == {
        "object": {
            "id": made["id"],
            "object": "payout",
            "environment": "test",
            "amount": 1_000,
            "currency": "USD",
            "status": "pending",
            "failure_code": None,
            "paid_at": None,
        }
    }


@pytest.mark.parametrize(
    ("last_four", "code", "steps"),
    [
        ("0002", "account_closed", ["payout.created", "payout.failed"]),
        ("0003", "account_not_found", ["payout.created", "payout.failed"]),
        ("0004", "returned_by_bank", ["payout.created", "payout.paid", "payout.failed"]),
    ],
)
def test_money_of_a_failed_payout_comes_back(
    api: Api, last_four: str, code: str, steps: list[str]
) -> None:
    give(api.scope, 1_000)
    make_account(api.scope, last_four=last_four)
    made = pay_out(api, 700)
    assert api.balance()["available"] == 300

    let_bank_work()

    assert payout(api, made["id"])["status"] == "failed"
    assert Payout.objects.get(pk=made["id"]).failure_code == code
    assert api.balance()["available"] == 1_000
    assert entries(api, made["id"]) == [
        ("payout_failure", "available", 700),
        ("payout", "available", -700),
    ]
    assert events(made["id"]) == steps


@pytest.mark.parametrize(
    ("amount", "status"),
    [(90_002, "failed"), (90_003, "failed"), (90_004, "failed"), (90_001, "paid")],
)
def test_test_amounts_decide_too(api: Api, amount: int, status: str) -> None:
    give(api.scope, amount)
    make_account(api.scope)
    made = pay_out(api, amount)

    let_bank_work()

    assert payout(api, made["id"])["status"] == status


def test_live_amounts_decide_nothing(live_api: Api) -> None:
    give(live_api.scope, 90_002)
    make_account(live_api.scope)
    made = pay_out(live_api, 90_002)

    let_bank_work()

    assert payout(live_api, made["id"])["status"] == "paid"


def test_never_more_than_is_available(api: Api) -> None:
    give(api.scope, 1_000)
    api.paid(amount=50_000)  # Pending.
    make_account(api.scope)

    response = api.post("/v1/payouts", {"amount": 1_001, "currency": "USD"})

    error = api.error(response, 409, "balance_insufficient")
    assert error["param"] == "amount"
    assert "1000" in error["message"]
    assert api.get("/v1/payouts").json()["data"] == []
    assert api.balance()["available"] == 1_000
    assert pay_out(api, 1_000)["amount"] == 1_000
    api.error(
        api.post("/v1/payouts", {"amount": 1, "currency": "USD"}), 409, "balance_insufficient"
    )


def test_nothing_is_paid_out_of_a_balance_below_zero(api: Api) -> None:
    paid = api.paid(amount=1_000)  # Pending, and refunded from the available balance.
    api.post("/v1/refunds", {"transaction": paid["id"]})
    make_account(api.scope)
    assert api.balance()["available"] == -1_000

    response = api.post("/v1/payouts", {"amount": 1, "currency": "USD"})

    assert "At most 0" in api.error(response, 409, "balance_insufficient")["message"]


@pytest.mark.parametrize("amount", [0, -1, 1.5, "100", None, True, 100_000_000_000])
def test_amounts_that_are_none_are_refused(api: Api, amount: object) -> None:
    response = api.post("/v1/payouts", {"amount": amount, "currency": "USD"})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "amount"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"currency": "USD"}, "parameter_missing", "amount"),
        ({"amount": 1}, "parameter_missing", "currency"),
        ({"amount": 1, "currency": "XXX"}, "currency_not_supported", "currency"),
        ({"amount": 1, "currency": "USD", "account": "x"}, "unknown_parameter", "account"),
        (
            {"amount": 1, "currency": "USD", "description": "x" * 501},
            "parameter_invalid",
            "description",
        ),
        (
            {"amount": 1, "currency": "USD", "description": "4242424242424242"},
            "parameter_invalid",
            "description",
        ),
    ],
)
def test_bodies_that_are_wrong_are_refused(
    api: Api, body: dict[str, object], code: str, param: str
) -> None:
    assert api.error(api.post("/v1/payouts", body), 400, code)["param"] == param


def test_in_test_mode_an_account_is_there_when_it_is_needed(api: Api) -> None:
    give(api.scope, 1_000, "CHF")
    made = pay_out(api, 400, "CHF")

    let_bank_work()

    assert payout(api, made["id"])["status"] == "paid"
    assert pay_out(api, 600, "CHF")["status"] == "pending"


def test_more_than_there_is_is_refused_before_anybody_asks_for_an_account(live_api: Api) -> None:
    response = live_api.post("/v1/payouts", {"amount": 1, "currency": "CHF"})

    live_api.error(response, 409, "balance_insufficient")


def test_without_an_account_nothing_is_paid_out(live_api: Api) -> None:
    api = live_api
    give(api.scope, 1_000)
    make_account(api.scope, "EUR")

    response = api.post("/v1/payouts", {"amount": 1, "currency": "USD"})

    api.error(response, 409, "payout_account_missing")
    assert api.balance()["available"] == 1_000


def test_account_that_nobody_confirmed_is_paid_nothing(api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope, is_confirmed=False)

    response = api.post("/v1/payouts", {"amount": 1, "currency": "USD"})

    api.error(response, 409, "payout_account_unconfirmed")


def test_currencies_are_apart(api: Api) -> None:
    for currency in ("USD", "EUR", "JPY"):
        make_account(api.scope, currency)
    give(api.scope, 1_000, "EUR")
    give(api.scope, 300, "JPY")

    api.error(
        api.post("/v1/payouts", {"amount": 1, "currency": "USD"}), 409, "balance_insufficient"
    )
    pay_out(api, 1_000, "EUR")
    pay_out(api, 300, "JPY")

    assert (api.balance("EUR")["available"], api.balance("JPY")["available"]) == (0, 0)


def test_test_and_live_money_are_apart(api: Api, live_api: Api) -> None:
    give(live_api.scope, 1_000)
    make_account(api.scope)
    make_account(live_api.scope)

    api.error(
        api.post("/v1/payouts", {"amount": 1, "currency": "USD"}), 409, "balance_insufficient"
    )
    made = pay_out(live_api, 1_000)

    api.error(api.get(f"/v1/payouts/{made['id']}"), 404, "resource_missing")
    assert made["environment"] == "live"


def test_another_merchants_payout_does_not_exist(api: Api, other_api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope)
    made = pay_out(api, 400)

    other_api.error(other_api.get(f"/v1/payouts/{made['id']}"), 404, "resource_missing")
    other_api.error(other_api.post(f"/v1/payouts/{made['id']}/cancel"), 404, "resource_missing")
    assert other_api.get("/v1/payouts").json()["data"] == []
    listed = other_api.get("/v1/payouts", starting_after=made["id"])
    assert other_api.error(listed, 400, "resource_missing")["param"] == "starting_after"
    api.error(api.get("/v1/payouts/none"), 404, "resource_missing")
    assert payout(api, made["id"])["status"] == "pending"


def test_permissions_are_checked(server: Server, merchant: MadeMerchant, api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope)
    made = pay_out(api, 400)
    for permission, may_read in (("payouts:read", True), ("balance:read", False)):
        key = make_key(api.scope, permission)
        with client_of(server, MadeMerchant(merchant.id, {"test": key}), "test") as reader:
            status = 200 if may_read else 403
            assert reader.get("/v1/payouts").status_code == status
            assert reader.get(f"/v1/payouts/{made['id']}").status_code == status
            for path in ("/v1/payouts", f"/v1/payouts/{made['id']}/cancel"):
                error = reader.error(reader.post(path, {}), 403, "permission_denied")
                assert "payouts:write" in error["message"]


def test_one_key_makes_one_payout(api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope)
    body, key = {"amount": 400, "currency": "USD"}, new_key()

    first = api.post("/v1/payouts", body, key=key)
    second = api.post("/v1/payouts", body, key=key)

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert api.balance()["available"] == 600
    api.error(
        api.post("/v1/payouts", body | {"amount": 401}, key=key), 400, "idempotency_key_reused"
    )


def test_refusal_for_want_of_money_is_stored_under_the_key(api: Api) -> None:
    make_account(api.scope)
    body, key = {"amount": 400, "currency": "USD"}, new_key()
    refused = api.post("/v1/payouts", body, key=key)
    give(api.scope, 1_000)

    again = api.post("/v1/payouts", body, key=key)

    api.error(refused, 409, "balance_insufficient")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == refused.json()
    assert api.balance()["available"] == 1_000


def test_list_is_newest_first_and_filtered(api: Api) -> None:
    for currency in ("USD", "EUR"):
        give(api.scope, 1_000, currency)
        make_account(api.scope, currency)
    ids = [pay_out(api, 100, currency)["id"] for currency in ("USD", "EUR", "USD")]
    api.post(f"/v1/payouts/{ids[0]}/cancel")

    def listed(**filters: object) -> list[str]:
        response = api.get("/v1/payouts", **filters)
        assert response.status_code == 200, response.text
        return [row["id"] for row in response.json()["data"]]

    assert listed() == ids[::-1]
    assert listed(currency="usd") == [ids[2], ids[0]]
    assert listed(status="cancelled") == [ids[0]]
    assert listed(status="pending", currency="USD") == [ids[2]]
    assert listed(limit=1) == [ids[2]]
    assert listed(limit=1, starting_after=ids[2]) == [ids[1]]
    assert listed(ending_before=ids[1]) == [ids[2]]
    middle = payout(api, ids[1])["created_at"]
    assert ids[2] in listed(**{"created_at[gte]": middle})
    assert ids[0] in listed(**{"created_at[lte]": middle})
    for name, value in (("status", "sent"), ("currency", "XXX"), ("amount", "1"), ("limit", "0")):
        assert api.get("/v1/payouts", **{name: value}).status_code == 400


def test_payout_is_cancelled_until_it_is_sent(api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope)
    first, second = pay_out(api, 400), pay_out(api, 500)

    cancelled = api.post(f"/v1/payouts/{first['id']}/cancel")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert api.balance()["available"] == 500
    assert events(first["id"]) == ["payout.created", "payout.cancelled"]
    again = api.post(f"/v1/payouts/{first['id']}/cancel")
    api.error(again, 409, "payout_state_invalid")
    let_bank_work()
    assert payout(api, first["id"])["status"] == "cancelled"
    assert not BankSimulatorTransfer.objects.filter(pk=first["id"]).exists()
    assert payout(api, second["id"])["status"] == "paid"
    api.error(api.post(f"/v1/payouts/{second['id']}/cancel"), 409, "payout_state_invalid")
    assert api.balance()["available"] == 500


def test_sent_payout_can_not_be_cancelled(api: Api) -> None:
    give(api.scope, 1_000)
    make_account(api.scope)
    made = pay_out(api, 400)
    send_payouts()

    api.error(api.post(f"/v1/payouts/{made['id']}/cancel"), 409, "payout_state_invalid")

    assert payout(api, made["id"])["status"] == "pending"
    assert api.balance()["available"] == 600


def test_money_of_a_suspended_merchant_is_held(live_api: Api) -> None:
    give(live_api.scope, 1_000)
    make_account(live_api.scope)
    made = pay_out(live_api, 400)
    merchant = Merchant.objects.filter(pk=live_api.scope.merchant_id)
    merchant.update(status="suspended")

    let_bank_work()
    refused = live_api.post("/v1/payouts", {"amount": 100, "currency": "USD"})

    live_api.error(refused, 403, "merchant_not_active")
    assert payout(live_api, made["id"])["status"] == "pending"
    assert Payout.objects.get(pk=made["id"]).sent_at is None
    merchant.update(status="active")
    let_bank_work()
    assert payout(live_api, made["id"])["status"] == "paid"


def test_payout_to_an_account_that_was_removed_fails(api: Api) -> None:
    give(api.scope, 1_000)
    account = make_account(api.scope)
    made = pay_out(api, 400)
    run_in_transaction(lambda: remove_payout_account(scope=api.scope, account_id=account.pk))

    let_bank_work()

    assert payout(api, made["id"])["status"] == "failed"
    failed = Payout.objects.get(pk=made["id"])
    assert (failed.failure_code, failed.sent_at) == ("account_removed", None)
    assert not BankSimulatorTransfer.objects.filter(pk=made["id"]).exists()
    assert api.balance()["available"] == 1_000


def test_payout_over_the_limit_waits_for_nobody_in_test_mode(api: Api) -> None:
    give(api.scope, 300_000)
    make_account(api.scope)
    made = pay_out(api, 100_001)

    let_bank_work()

    assert payout(api, made["id"])["status"] == "paid"


def test_payout_over_the_limit_waits_for_a_second_person(live_api: Api) -> None:
    api = live_api
    give(api.scope, 300_000)
    make_account(api.scope)
    made = pay_out(api, 100_001)

    let_bank_work()

    assert payout(api, made["id"])["status"] == "pending"
    waiting = Payout.objects.get(pk=made["id"])
    assert (waiting.awaits_approval, waiting.sent_at) == (True, None)
    assert api.balance()["available"] == 199_999
    assert pay_out(api, 100_000)["status"] == "pending"


def test_documented_accounts_and_amounts_do_what_is_said_of_them() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "payouts.md").read_text()
    ibans = re.findall(r"`(DE\d{20})`", page)

    assert [iban_number.validate(iban)[-4:] for iban in ibans] == sorted(BY_LAST_FOUR)
    rows = re.findall(r"\| `(000\d)` \| (\d{5}) \|", page)
    assert {last_four: int(amount) for last_four, amount in rows} == {
        last_four: amount
        for last_four, scenario in BY_LAST_FOUR.items()
        for amount, known in BY_TEST_AMOUNT.items()
        if known is scenario
    }


def test_failed_payout_is_repeated_once_by_many_at_once(api: Api, other_api: Api) -> None:
    give(api.scope, 200_000)
    make_account(api.scope)
    failed, paid = pay_out(api, 90_002), pay_out(api, 100)
    let_bank_work()

    def retry(scope: Scope, payout_id: str) -> str:
        try:
            run_in_transaction(
                lambda: create_payout(
                    scope=scope,
                    amount=100,
                    currency="USD",
                    description=None,
                    actor=SYSTEM,
                    cause=Cause(retry_of=UUID(payout_id)),
                )
            )
        except ServiceError as refusal:
            return refusal.code
        return "made"

    outcomes = at_once(5, lambda _: retry(api.scope, failed["id"]))

    assert sorted(outcomes) == ["made", *["payout_state_invalid"] * 4]
    assert retry(api.scope, paid["id"]) == "payout_state_invalid"
    assert retry(other_api.scope, failed["id"]) == "payout_state_invalid"
