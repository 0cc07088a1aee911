"""Cards for benches: valid numbers that the simulator charges."""

import random
import time

from pydantic import SecretStr
from stdnum import luhn

from vault.card_data import CardData
from vault.cards import parse_card

# Visa's test range; the simulator treats numbers that it does not know as plain cards.
PREFIX = "424242"


def new_card() -> CardData:
    """A valid card with a random number."""
    digits = f"{PREFIX}{random.randrange(10**9):09d}"
    return parse_card(
        number=SecretStr(digits + luhn.calc_check_digit(digits)),
        exp_month=12,
        exp_year=time.gmtime().tm_year + 3,
        holder_name="Ada Lovelace",
    )
