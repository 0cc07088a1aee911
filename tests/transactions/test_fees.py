"""Fees and terms: whole minor units, rounded half up, by brand and currency, of what was captured."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from merchants.fees import FeeStructure
from merchants.models import Merchant
from merchants.terms import make_terms
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from tests.merchants.making import client_of, make_merchant
from tests.server import Server

AMEX = "378282246310005"
STRUCTURE = {
    "percent_bps": 290,
    "fixed": {"USD": 30, "GBP": 20},
    "brands": {"amex": {"percent_bps": 350, "fixed": {"USD": 10}}},
    "dispute": {"USD": 1500},
}


@pytest.fixture
def terms_api(server: Server) -> Iterator[Api]:
    with client_of(server, make_merchant(fee_structure=STRUCTURE), "test") as client:
        yield client


@pytest.mark.parametrize(
    ("bps", "fixed", "amount", "fee"),
    [
        (290, 30, 1000, 59),
        (290, 30, 600, 47),  # 17.4
        (290, 0, 50, 1),  # 1.45
        (290, 0, 52, 2),  # 1.508
        (100, 0, 50, 1),  # 0.5 goes up
        (100, 0, 49, 0),
        (100, 0, 150, 2),  # 1.5 goes up, also where half-even would not
        (100, 0, 250, 3),
        (1, 0, 4999, 0),
        (1, 0, 5000, 1),
        (0, 0, 1000, 0),
        (10_000, 0, 777, 777),
        (290, 30, 20, 20),  # Never above the amount.
        (290, 30, 1, 1),
        (290, 30, 999_999_999_999, 29_000_000_030),
    ],
)
def test_fee_is_rounded_half_up_to_whole_units(bps: int, fixed: int, amount: int, fee: int) -> None:
    structure = FeeStructure(percent_bps=bps, fixed={"USD": fixed})

    assert structure.fee(amount=amount, currency="USD") == fee


@pytest.mark.parametrize(
    ("currency", "fee"), [("USD", 59), ("GBP", 49), ("EUR", 29), ("JPY", 29), ("KWD", 29)]
)
def test_fixed_part_is_each_currencys_own(terms_api: Api, currency: str, fee: int) -> None:
    transaction = terms_api.paid(amount=1000, currency=currency)

    assert transaction["fee_amount"] == fee
    assert transaction["net_amount"] == 1000 - fee
    assert terms_api.balance(currency)["pending"] == 1000 - fee


def test_brand_with_a_rate_of_its_own_pays_that(terms_api: Api) -> None:
    assert terms_api.paid(AMEX, amount=1000)["fee_amount"] == 45
    assert terms_api.paid(AMEX, amount=1000, currency="GBP")["fee_amount"] == 35
    assert terms_api.paid(amount=1000)["fee_amount"] == 59


def test_fee_is_on_what_was_captured(terms_api: Api) -> None:
    transaction = terms_api.paid(amount=1000, capture=False)
    assert transaction["fee_amount"] == 0

    captured = terms_api.post(f"/v1/transactions/{transaction['id']}/capture", {"amount": 52})

    assert captured.json()["fee_amount"] == 32  # 1.508 and 30
    assert captured.json()["net_amount"] == 20


def test_smallest_payment_costs_no_more_than_itself(terms_api: Api) -> None:
    transaction = terms_api.paid(amount=1)

    assert (transaction["fee_amount"], transaction["net_amount"]) == (1, 0)
    assert terms_api.balance() == {"pending": 0, "available": 0, "reserved": 0}


def test_merchant_without_a_structure_pays_nothing(server: Server) -> None:
    with client_of(server, make_merchant(fee_structure={}), "test") as api:
        assert api.paid(amount=1000)["fee_amount"] == 0
        assert [entry["type"] for entry in api.get("/v1/balance/entries").json()["data"]] == [
            "payment"
        ]


def test_refund_does_not_give_the_fee_back(terms_api: Api) -> None:
    transaction = terms_api.paid(amount=1000)

    terms_api.post("/v1/refunds", {"transaction": transaction["id"]})

    assert terms_api.transaction(transaction["id"])["fee_amount"] == 59
    assert terms_api.balance() == {"pending": 941, "available": -1000, "reserved": 0}


@pytest.mark.parametrize(("currency", "reserved"), [("USD", 2500), ("GBP", 1000)])
def test_chargeback_costs_its_currencys_fee(terms_api: Api, currency: str, reserved: int) -> None:
    terms_api.paid("4000000000000259", amount=1000, currency=currency)

    deliver_gateway_messages()

    assert terms_api.balance(currency)["reserved"] == reserved


def test_chargeback_on_a_partly_refunded_payment_holds_the_rest(terms_api: Api) -> None:
    transaction = terms_api.paid("4000000000000259", amount=1000)
    terms_api.post("/v1/refunds", {"transaction": transaction["id"], "amount": 400})

    deliver_gateway_messages()

    assert terms_api.balance() == {"pending": 941, "available": -2500, "reserved": 2100}


def test_currency_that_the_merchant_does_not_take_is_refused(server: Server) -> None:
    merchant = make_merchant(processing_config={"currencies": ["EUR", "CHF"]})
    with client_of(server, merchant, "test") as api:
        error = api.error(api.pay(currency="USD"), 400, "currency_not_supported")

        assert error["param"] == "currency"
        assert api.get("/v1/transactions").json()["data"] == []
        assert api.paid(currency="CHF")["currency"] == "CHF"


@pytest.mark.parametrize(
    "structure",
    [
        {"percent_bps": -1},
        {"percent_bps": 10_001},
        {"percent_bps": 2.5},
        {"fixed": {"USD": -1}},
        {"fixed": {"USD": 0.3}},
        {"per_cent": 3},
        {"brands": {"amex": {"rate": 1}}},
    ],
)
def test_structure_that_makes_no_sense_opens_no_account(structure: dict[str, object]) -> None:
    before = Merchant.objects.count()

    with pytest.raises(ValidationError):
        make_merchant(fee_structure=structure)

    assert Merchant.objects.count() == before


def test_terms_without_columns_take_every_currency_for_nothing() -> None:
    terms = make_terms(fee_structure=None, settlement_delay_days=2, processing_config=None)

    assert terms.fee_for(amount=1000, currency="USD", brand="visa") == 0
    assert terms.dispute_fee("USD") == 0
    terms.require_currency("XPF")
