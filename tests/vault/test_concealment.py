"""No way of printing, serialising or failing gives a card number away."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict
from types import TracebackType

import pytest
from pydantic import SecretStr

from vault.card_data import CardData, SecurityCode
from vault.cards import parse_card, parse_security_code
from vault.errors import InvalidCard

NUMBER = "4242424242424242"
CODE = "739"


@pytest.fixture
def card() -> CardData:
    return parse_card(
        number=SecretStr(NUMBER), exp_month=12, exp_year=2040, holder_name="Ada Lovelace"
    )


@pytest.fixture
def code() -> SecurityCode:
    return parse_security_code(code=SecretStr(CODE), brand="visa")


def frames_text(trace: TracebackType | None) -> str:
    """What an error reporter that shows local variables would send."""
    shown = []
    for frame, _ in traceback.walk_tb(trace):
        # The test's own frame may hold the number; the product's may not.
        if "/tests/" not in frame.f_code.co_filename:
            shown.extend(repr(value) for value in frame.f_locals.values())
    return "\n".join(shown)


def test_no_text_form_shows_the_number_or_the_name(card, code):
    forms = [repr, str, format, "{:>40}".format, "%s".__mod__, lambda it: f"{it!r:>9}", ascii]
    for shown in [form(card) for form in forms] + [repr([card]), repr({"card": card})]:
        assert "42424242" not in shown
        assert "Ada" not in shown
    for shown in [form(code) for form in forms]:
        assert CODE not in shown


def test_the_last_four_may_be_shown(card):
    assert repr(card) == "<CardData visa ending in 4242>"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_neither_pickle_nor_copy_takes_it(card, code, protocol):
    for secret in (card, code):
        with pytest.raises(TypeError, match="can't be pickled"):
            pickle.dumps(secret, protocol)
        with pytest.raises(TypeError, match="can't be pickled"):
            copy.copy(secret)
        with pytest.raises(TypeError, match="can't be pickled"):
            copy.deepcopy([secret])


def test_it_has_no_dict_and_is_no_dataclass(card, code):
    for secret in (card, code):
        with pytest.raises(TypeError):
            vars(secret)
        with pytest.raises(TypeError):
            asdict(secret)
        with pytest.raises(TypeError) as caught:
            json.dumps({"secret": secret})
        assert NUMBER not in str(caught.value)


def test_it_cannot_be_changed(card):
    with pytest.raises(AttributeError):
        card.brand = "amex"
    with pytest.raises(AttributeError):
        del card.brand


def test_a_log_line_does_not_show_it(card, caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("vault").info("charging %s %r", card, card)
    assert "42424242" not in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"number": SecretStr("4111222233334444")},
        {"number": SecretStr("411122223333444x")},
        {"number": SecretStr("41112222333344441111")},
        {"number": SecretStr("7111222233334447")},
        {"exp_month": 13},
        {"exp_year": 2001},
        {"cvc": SecretStr("4111222233334444")},
    ],
)
def test_a_refused_card_leaves_no_digits_in_the_error_or_its_frames(changes):
    details = {"number": SecretStr(NUMBER), "exp_month": 12, "exp_year": 2040, **changes}
    with pytest.raises(InvalidCard) as caught:
        parse_card(**details)
    error = caught.value
    texts = [
        str(error),
        repr(error),
        repr(vars(error)),
        repr(error.errors),
        frames_text(error.__traceback__),
        "".join(traceback.format_exception(error)),
    ]
    for text in texts:
        assert "42424242" not in text
        assert "1112222" not in text
    assert error.__context__ is None
    assert error.__cause__ is None
