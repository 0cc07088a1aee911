"""Card numbers in free text: found however they are typed, and not where there are none."""

from uuid import uuid4

import pytest

from payments_project.card_numbers import contains_card_number, mask_card_numbers
from tests.api_client import Api

# Sixteen digits of each would pass for a card's. (Of no card that leaks are searched for.)
UNLUCKY = ["41111111-1111-1111-8000-000000000000", "4111111111111111abcdefabcdefabcd"]


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242 4242-42424242",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "card 378282246310005, thanks",
        "ref4242424242424242z",
        "5555555555554444/12/34",
        "4242 4242 4242 4242 12/30",
        "4242424242424242 123",
        "378282246310005 1228",
        "12 4242424242424242",
        "4242\u00a04242\u00a04242\u00a04242",
        "0b7f8f9c-5d0e-4b6e-9a53-1f2f4c3d2b1a 4242424242424242",
    ],
)
def test_card_number_is_found_however_it_is_typed(text: str) -> None:
    assert contains_card_number(text)


def test_no_id_is_taken_for_one() -> None:
    ids = [text for _ in range(50_000) for text in (str(uuid4()), uuid4().hex)]
    assert [text for text in [*UNLUCKY, *ids] if contains_card_number(text)] == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("no: 4242 4242 4242 4242 12/30!", "no: [card number] 12/30!"),
        ("4242424242424242 123", "[card number] 123"),
        ("4242424242424242, 5555555555554444", "[card number], [card number]"),
        ("4242424242424243", "4242424242424243"),
        ("order 12345", "order 12345"),
    ],
)
def test_masking_leaves_out_the_number_alone(text: str, masked: str) -> None:
    assert mask_card_numbers(text) == masked


@pytest.mark.parametrize("text", UNLUCKY)
def test_id_that_looks_like_one_may_be_sent(api: Api, text: str) -> None:
    made = api.post("/v1/customers", {"external_customer_id": text, "metadata": {"order": text}})
    assert made.status_code == 201, made.text
