"""What counts as a valid card. None of these tests needs a database."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from stdnum import luhn

from vault.card_data import CardData
from vault.cards import parse_card, parse_security_code
from vault.errors import InvalidCard

TODAY = date(2026, 11, 23)

API_TEST_CARDS = {
    "4242424242424242": "visa",
    "5555555555554444": "mastercard",
    "378282246310005": "amex",
    "6011111111111117": "discover",
    "3056930009020004": "diners",
    "3566002020360505": "jcb",
    "4000000000000002": "visa",
    "4000000000009995": "visa",
    "4000000000009987": "visa",
    "4000000000009979": "visa",
    "4000000000000069": "visa",
    "4000000000000127": "visa",
    "4000000000000119": "visa",
    "4100000000000019": "visa",
    "4000000000004954": "visa",
    "4000000000000259": "visa",
    "4000000000002685": "visa",
    "4000000000001976": "visa",
    "4000000000007726": "visa",
    "4000000000005126": "visa",
    "4000000000000077": "visa",
    "4000000000000341": "visa",
    "4000000000006009": "visa",
    "4000000000006017": "visa",
    "4000000000006025": "visa",
    "4000000000006033": "visa",
}

OTHER_NETWORKS = {
    "2223003122003222": "mastercard",
    "30569309025904": "diners",
    "36227206271667": "diners",
    "6200000000000005": "unionpay",
    "62000000000000003": "unionpay",
    "620000000000000002": "unionpay",
    "6205500000000000004": "unionpay",
    "6759649826438453": "maestro",
    "6304000000000000": "maestro",
    "501800000009": "maestro",
    "5612345678901234": "maestro",
    "6062826786276634": "hipercard",
    "5067310000000010": "elo",
    "6277809999999999": "elo",
    "2200770212727079": "mir",
    "5061460410120223210": "verve",
    "9792000000000001": "troy",
}


def card(**changes):
    details = {
        "number": "4242424242424242",
        "exp_month": 12,
        "exp_year": 2030,
        "holder_name": "Ada Lovelace",
        "today": TODAY,
        **changes,
    }
    for secret in ("number", "cvc"):
        if isinstance(details.get(secret), str):
            details[secret] = SecretStr(details[secret])
    return parse_card(**details)


def with_check_digit(number: str) -> str:
    return number[:-1] + luhn.calc_check_digit(number[:-1])


def refused_params(**changes) -> list[str]:
    with pytest.raises(InvalidCard) as caught:
        card(**changes)
    assert caught.value.code == "parameter_invalid"
    faults = caught.value.errors
    assert caught.value.param == (faults[0].param if faults else caught.value.param)
    return [fault.param for fault in faults] or [caught.value.param]


@pytest.mark.parametrize(("number", "brand"), API_TEST_CARDS.items())
def test_every_test_card_of_the_api_is_accepted_with_its_brand(number, brand):
    parsed = card(number=number)
    assert (parsed.brand, parsed.last_four) == (brand, number[-4:])


@pytest.mark.parametrize(("number", "brand"), OTHER_NETWORKS.items())
def test_other_networks_are_recognised_by_issuer_range(number, brand):
    assert card(number=with_check_digit(number)).brand == brand


@pytest.mark.parametrize(
    "number",
    [
        "",
        "4242424242424241",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        " 4242424242424242",
        "4242424242424242\n",
        "４２４２４２４２４２４２４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "²²²²²²²²²²²²²²²²",
        "42424242424",
        "4" * 20,
        "0000000000000000",
        "1" * 16,
        "4242424242424242x",
    ],
)
def test_a_number_that_is_no_card_number_is_refused(number):
    assert refused_params(number=number) == ["card.number"]


def test_an_unknown_issuer_is_refused():
    assert refused_params(number=with_check_digit("7000000000000000")) == ["card.number"]


@pytest.mark.parametrize("number", ["42424242424240", "3782822463100000", "555555555555000"])
def test_a_length_that_the_brand_does_not_use_is_refused(number):
    assert refused_params(number=with_check_digit(number)) == ["card.number"]


def test_a_card_is_valid_through_its_expiry_month():
    assert card(exp_month=11, exp_year=2026).expires_at == date(2026, 11, 30)
    assert refused_params(exp_month=10, exp_year=2026) == ["card.exp_month"]
    assert refused_params(exp_month=12, exp_year=2025) == ["card.exp_year"]


def test_february_of_a_leap_year_ends_on_the_29th():
    assert card(exp_month=2, exp_year=2028).expires_at == date(2028, 2, 29)


def test_twenty_years_ahead_is_the_farthest_expiry():
    assert card(exp_month=12, exp_year=2046).exp_year == 2046
    assert refused_params(exp_month=1, exp_year=2047) == ["card.exp_year"]


@pytest.mark.parametrize("month", [0, 13, -1, 10**9])
def test_a_month_outside_one_to_twelve_is_refused(month):
    assert refused_params(exp_month=month) == ["card.exp_month"]


@pytest.mark.parametrize("year", [30, 0, -2030, 99999, 203])
def test_a_year_without_four_digits_is_refused(year):
    assert refused_params(exp_year=year) == ["card.exp_year"]


@pytest.mark.parametrize(
    ("number", "cvc", "is_right"),
    [
        ("4242424242424242", "123", True),
        ("4242424242424242", "1234", False),
        ("378282246310005", "1234", True),
        ("378282246310005", "123", False),
        ("4242424242424242", "12a", False),
        ("4242424242424242", "١٢٣", False),
        ("4242424242424242", "", False),
    ],
)
def test_security_code_has_the_length_of_its_brand(number, cvc, is_right):
    if is_right:
        card(number=number, cvc=cvc)
    else:
        assert refused_params(number=number, cvc=cvc) == ["card.cvc"]


def test_security_code_for_a_payment_is_checked_under_its_own_param():
    assert parse_security_code(code=SecretStr("123"), brand="visa").reveal_code() == "123"
    with pytest.raises(InvalidCard) as caught:
        parse_security_code(code=SecretStr("123"), brand="amex", param="cvc")
    assert caught.value.param == "cvc"


@pytest.mark.parametrize(
    "name",
    [
        "4242424242424242",
        "Ada 4242 4242 4242 4242",
        "Ada ４２４２４２４２４２４２４２４２",
        "Ada ④②④②④②④②④②④②④②④②",
        "Ada\x00Lovelace",
        "Ada\nLovelace",
        "Ada \u202eLovelace",
        "Ada \ud800",
        "x" * 201,
    ],
)
def test_holder_name_with_a_card_number_or_control_characters_is_refused(name):
    assert refused_params(holder_name=name) == ["card.holder_name"]


@pytest.mark.parametrize(
    "name", ["José María Ñ.", "李小龍", "O'Neil-Smith 3rd", "علی\u200cرضا", "x" * 200]
)
def test_holder_name_in_any_script_is_taken(name):
    assert card(holder_name=name).holder_name == name


@pytest.mark.parametrize("name", [None, "", "  "])
def test_no_holder_name_is_none(name):
    assert card(holder_name=name).holder_name is None


def test_all_faults_are_told_at_once():
    assert refused_params(number="1", exp_month=0, holder_name="\x00", cvc="x") == [
        "card.number",
        "card.exp_month",
        "card.holder_name",
        "card.cvc",
    ]


@given(st.text(max_size=25) | st.text("0123456789", min_size=12, max_size=19))
def test_any_text_is_a_card_number_or_refused_without_being_repeated(text):
    told, parsed = "", None
    try:
        parsed = parse_card(number=SecretStr(text), exp_month=12, exp_year=2030, today=TODAY)
    except InvalidCard as error:
        told = str(error)
    if parsed is None:
        assert told
        assert len(text) < 12 or text not in told
    else:
        assert luhn.is_valid(text)
        assert parsed.reveal_number() == text


@given(
    number=st.sampled_from(sorted(API_TEST_CARDS)),
    month=st.integers(1, 12),
    year=st.integers(2027, 2046),
    name=st.none() | st.text(st.characters(categories=("L", "Zs")), min_size=1, max_size=200),
)
def test_a_card_survives_its_record(number, month, year, name):
    before = card(number=number, exp_month=month, exp_year=year, holder_name=name)
    record = before.to_record()
    after = CardData.from_record(record, brand=before.brand)
    assert len(record) % 32 == 0
    assert after is not None
    for name in ("brand", "exp_month", "exp_year", "holder_name", "last_four", "expires_at"):
        assert getattr(after, name) == getattr(before, name)
    assert after.reveal_number() == number


@pytest.mark.parametrize("record", [b"", b"\x01", b"\x02" + bytes(31), b"\x01" + b"\xff" * 31])
def test_a_broken_record_is_none(record):
    assert CardData.from_record(record, brand="visa") is None
