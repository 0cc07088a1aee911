"""Taking a payment over HTTP: every outcome that a card can have."""

from datetime import UTC, datetime

import pytest

from payments_project.database.uuid7 import uuid7_floor
from payments_project.events.models import Event
from tests.api_client import Api
from tests.schema.rows import OWNER, connect
from transactions.selectors import events_of

FEE_OF_1000 = 59  # 2.9 % and 30 cents, the tests' merchant's terms


def test_payment_succeeds_and_shows_all_its_amounts(api: Api) -> None:
    response = api.pay(amount=1000, description="Order 7", metadata={"order": "7"})

    assert response.status_code == 201
    transaction = response.json()
    assert transaction["object"] == "transaction"
    assert transaction["environment"] == "test"
    assert transaction["status"] == "succeeded"
    assert transaction["amount"] == 1000
    assert transaction["captured_amount"] == 1000
    assert transaction["refunded_amount"] == 0
    assert transaction["fee_amount"] == FEE_OF_1000
    assert transaction["net_amount"] == 1000 - FEE_OF_1000
    assert transaction["currency"] == "USD"
    assert transaction["failure"] is None
    assert transaction["card"] == {"brand": "visa", "last_four": "4242"}
    assert transaction["gateway"]["name"] == "simulator"
    assert transaction["gateway"]["transaction_id"]
    assert transaction["risk"]["level"] == "low"
    assert transaction["description"] == "Order 7"
    assert transaction["metadata"] == {"order": "7"}
    assert api.transaction(transaction["id"]) == transaction


def test_payment_is_pending_money_of_the_merchant_less_the_fee(api: Api) -> None:
    api.paid(amount=1000)

    assert api.balance() == {"pending": 1000 - FEE_OF_1000, "available": 0, "reserved": 0}


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("4000000000000341", "card_declined", "generic_decline"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
    ],
)
def test_declined_payment_is_a_402_with_the_failed_transaction(
    api: Api, number: str, code: str, decline_code: str
) -> None:
    error = api.error(api.pay(number), 402, code)

    assert error["type"] == "card_error"
    assert error["decline_code"] == decline_code
    transaction = error["transaction"]
    assert transaction["status"] == "failed"
    assert transaction["failure"]["code"] == code
    assert transaction["failure"]["decline_code"] == decline_code
    assert transaction["captured_amount"] is None
    assert transaction["fee_amount"] == 0
    assert api.transaction(transaction["id"]) == transaction
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


def test_payment_blocked_by_risk_never_reaches_the_gateway(api: Api) -> None:
    error = api.error(api.pay("4100000000000019"), 402, "blocked_by_risk")

    assert error["transaction"]["status"] == "failed"
    assert error["transaction"]["risk"]["level"] == "high"
    assert error["transaction"]["gateway"]["transaction_id"] is None


def test_risky_payment_is_paid_and_marked(api: Api) -> None:
    transaction = api.paid("4000000000004954")

    assert transaction["status"] == "succeeded"
    assert transaction["risk"]["level"] == "high"


def test_gateway_down_is_a_503_and_the_transaction_failed(api: Api) -> None:
    error = api.error(api.pay("4000000000006025"), 503, "gateway_unavailable")

    assert error["type"] == "api_error"
    assert error["transaction"]["status"] == "failed"
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


@pytest.mark.parametrize("number", ["4000000000006009", "4000000000006017"])
def test_unknown_outcome_is_pending(api: Api, number: str) -> None:
    transaction = api.paid(number)

    assert transaction["status"] == "pending"
    assert transaction["captured_amount"] is None
    assert api.balance() == {"pending": 0, "available": 0, "reserved": 0}


def test_money_of_a_direct_card_is_available_at_once(api: Api) -> None:
    api.paid("4000000000000077", amount=1000)

    assert api.balance() == {"pending": 0, "available": 1000 - FEE_OF_1000, "reserved": 0}


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4242424242424242", "visa"),
        ("5555555555554444", "mastercard"),
        ("378282246310005", "amex"),
        ("6011111111111117", "discover"),
        ("3056930009020004", "diners"),
        ("3566002020360505", "jcb"),
    ],
)
def test_every_brand_is_taken(api: Api, number: str, brand: str) -> None:
    transaction = api.paid(number)

    assert transaction["card"] == {"brand": brand, "last_four": number[-4:]}


def test_currency_is_accepted_in_lower_case(api: Api) -> None:
    assert api.paid(currency="eur")["currency"] == "EUR"


@pytest.mark.parametrize("currency", ["JPY", "KWD", "CLF", "ZWG"])
def test_every_active_currency_is_accepted_whatever_its_decimals(api: Api, currency: str) -> None:
    assert api.paid(currency=currency, amount=1)["currency"] == currency


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid", "amount"),
        ({"amount": -5}, "parameter_invalid", "amount"),
        ({"amount": "1000"}, "parameter_invalid", "amount"),
        ({"amount": True}, "parameter_invalid", "amount"),
        ({"amount": None}, "parameter_invalid", "amount"),
        ({"amount": 10**15}, "amount_too_large", "amount"),
        ({"currency": "XXQ"}, "currency_not_supported", "currency"),
        # Gold, and the code for no currency.
        ({"currency": "XAU"}, "currency_not_supported", "currency"),
        ({"currency": "XXX"}, "currency_not_supported", "currency"),
        ({"currency": 5}, "parameter_invalid", "currency"),
        ({"payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        ({"customer": "01890000-0000-7000-8000-000000000000"}, "resource_missing", "customer"),
        ({"customer": "nobody"}, "resource_missing", "customer"),
        ({"capture": "yes"}, "parameter_invalid", "capture"),
        ({"metadata": {"a": 1}}, "parameter_invalid", "metadata.a"),
        ({"ip_address": "300.1.1.1"}, "parameter_invalid", "ip_address"),
        ({"ip_address": "fe80::1%eth0"}, "parameter_invalid", "ip_address"),
        ({"surprise": 1}, "unknown_parameter", "surprise"),
    ],
)
def test_wrong_parameter_is_named_and_nothing_is_written(
    api: Api, change: dict[str, object], code: str, param: str
) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card(), **change}

    error = api.error(api.post("/v1/transactions", body), 400, code)

    assert error["param"] == param
    assert api.get("/v1/transactions").json()["data"] == []


@pytest.mark.parametrize("name", ["amount", "currency", "payment_method"])
def test_missing_parameter_is_named(api: Api, name: str) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card()}
    del body[name]

    assert api.error(api.post("/v1/transactions", body), 400, "parameter_missing")["param"] == name


def test_detached_card_is_not_charged(api: Api) -> None:
    token = api.card()
    assert api.post(f"/v1/payment_methods/{token}/detach").status_code == 200

    response = api.post(
        "/v1/transactions", {"amount": 1000, "currency": "USD", "payment_method": token}
    )

    assert api.error(response, 400, "parameter_invalid")["param"] == "payment_method"


def test_another_merchants_card_does_not_exist(api: Api, other_api: Api) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": other_api.card()}

    error = api.error(api.post("/v1/transactions", body), 400, "resource_missing")

    assert error["param"] == "payment_method"


def test_timeline_tells_every_state_and_its_cause(api: Api) -> None:
    transaction = api.paid(capture=False)
    api.post(f"/v1/transactions/{transaction['id']}/capture", {"amount": 400})

    timeline = api.get(f"/v1/transactions/{transaction['id']}/timeline").json()

    assert [step["status"] for step in timeline["data"]] == ["pending", "authorized", "succeeded"]
    assert {step["cause"]["type"] for step in timeline["data"]} == {"api_key"}


def test_timeline_is_every_event_and_reads_no_month_before_the_payment(api: Api) -> None:
    transaction = api.paid(capture=False)
    api.post(f"/v1/transactions/{transaction['id']}/capture", {"amount": 400})
    api.patch(f"/v1/transactions/{transaction['id']}", {"description": "New"})
    api.post("/v1/refunds", {"transaction": transaction["id"]})
    logged = Event.objects.filter(aggregatetype="transaction", aggregateid=transaction["id"])

    timeline = api.get(f"/v1/transactions/{transaction['id']}/timeline").json()["data"]
    # The plan of a payment in the far future: of the months, it reads those from there on.
    far = uuid7_floor(datetime(2199, 1, 1, tzinfo=UTC))
    plan = events_of("transaction", far).explain()

    expected = list(logged.order_by("sequence").values_list("type", flat=True))
    assert [step["type"] for step in timeline] == expected
    assert len(expected) >= 4
    assert "events_20" not in plan


def test_description_and_metadata_can_be_changed_and_nothing_else(api: Api) -> None:
    transaction = api.paid(metadata={"a": "1", "b": "2"})
    path = f"/v1/transactions/{transaction['id']}"

    changed = api.patch(path, {"description": "New", "metadata": {"b": "", "c": "3"}}).json()

    assert changed["description"] == "New"
    assert changed["metadata"] == {"a": "1", "c": "3"}
    assert changed["amount"] == 1000
    assert api.error(api.patch(path, {"amount": 5}), 400, "unknown_parameter")["param"] == "amount"


def test_payment_is_taken_although_the_use_of_its_card_can_not_be_noted(api: Api) -> None:
    body = {"amount": 1000, "currency": "USD", "payment_method": api.card()}
    with connect(OWNER) as owner:
        owner.execute(
            "SELECT 1 FROM payment_methods_vault WHERE token = %s FOR UPDATE",
            [body["payment_method"]],
        )

        response = api.post("/v1/transactions", body)

    assert (response.status_code, response.json()["status"]) == (201, "succeeded")
    assert len(api.get("/v1/transactions").json()["data"]) == 1
    assert api.get(f"/v1/payment_methods/{body['payment_method']}").json()["last_used_at"] is None
