"""What a valid card is: issuer and brand, length, Luhn, expiry, security code, holder's name.

Input comes in as ``SecretStr`` and leaves as ``CardData``. Digits in clear appear only in the
functions here that answer with a message instead of raising, so that no exception, and no frame
of its traceback, holds them.
"""

import unicodedata
from datetime import UTC, date, datetime
from typing import NamedTuple

from pydantic import SecretStr
from pydantic_core import PydanticCustomError
from pydantic_extra_types.payment import PaymentCardBrand, PaymentCardNumber
from stdnum import luhn

from payments_project.errors import FieldError
from vault.card_data import CardData, SecurityCode
from vault.errors import InvalidCard

EXPIRY_YEARS_AHEAD_MAX = 20
HOLDER_NAME_CHARACTERS_MAX = 200
# No person's name has this many digits; every card number has.
HOLDER_NAME_DIGITS_MAX = 7
NUMBER_DIGITS = range(12, 20)

AMEX = "amex"
BRANDS = {
    PaymentCardBrand.visa: "visa",
    PaymentCardBrand.mastercard: "mastercard",
    PaymentCardBrand.amex: AMEX,
    PaymentCardBrand.discover: "discover",
    PaymentCardBrand.diners_club: "diners",
    PaymentCardBrand.jcb: "jcb",
    PaymentCardBrand.unionpay: "unionpay",
    PaymentCardBrand.maestro: "maestro",
    PaymentCardBrand.mir: "mir",
    PaymentCardBrand.verve: "verve",
    PaymentCardBrand.dankort: "dankort",
    PaymentCardBrand.troy: "troy",
}


class IssuerRange(NamedTuple):
    """Issuer prefixes from ``low`` to ``high``, of equally many digits, and the lengths used."""

    low: str
    high: str
    brand: str
    lengths: range

    def holds(self, number: str) -> bool:
        return self.low <= number[: len(self.low)] <= self.high


# Ranges come from github.com/braintree/credit-card-type (src/lib/card-types.ts, version 10) and
# the table in en.wikipedia.org/wiki/Payment_card_number, both compared with pydantic-extra-types.
#
# Asked before the library, which knows UnionPay and JCB at 16 and 19 digits only.
RANGES_BEFORE_LIBRARY = (
    IssuerRange("627780", "627780", "elo", range(16, 17)),
    IssuerRange("62", "62", "unionpay", range(16, 20)),
    IssuerRange("3528", "3589", "jcb", range(16, 20)),
)
# Asked for what the library calls "other". Maestro comes last: it uses what is left of 50, 56-59
# and 6 (Mastercard's own account ranges 500000-509999, 560000-589999, 600000-699999).
RANGES_AFTER_LIBRARY = (
    IssuerRange("504175", "504175", "elo", range(16, 17)),
    IssuerRange("506699", "506778", "elo", range(16, 17)),
    IssuerRange("509000", "509999", "elo", range(16, 17)),
    IssuerRange("636297", "636297", "elo", range(16, 17)),
    IssuerRange("636368", "636368", "elo", range(16, 17)),
    IssuerRange("606282", "606282", "hipercard", range(16, 17)),
    IssuerRange("50", "50", "maestro", range(12, 20)),
    IssuerRange("56", "59", "maestro", range(12, 20)),
    IssuerRange("6", "6", "maestro", range(12, 20)),
)


def parse_card(
    *,
    number: SecretStr,
    exp_month: int,
    exp_year: int,
    holder_name: str | None = None,
    cvc: SecretStr | None = None,
    today: date | None = None,
) -> CardData:
    """The card, checked: Luhn (ISO/IEC 7812-1), a known issuer and its lengths, expiry, name.

    A card is valid to the end of its expiry month, by the UTC date ``today`` (now by default).
    ``cvc`` is checked for its form and dropped. Raises ``InvalidCard``; several faults are
    all told in ``errors``. Params are ``card.number``, ``card.exp_month``, ``card.exp_year``,
    ``card.cvc`` and ``card.holder_name``; what was sent is never repeated in a message.
    """
    brand, number_fault = _brand(number)
    faults = [
        *_fault("card.number", number_fault),
        *_expiry_faults(exp_month, exp_year, today or datetime.now(UTC).date()),
        *_fault("card.holder_name", _holder_name_fault(holder_name)),
        *_fault("card.cvc", _security_code_fault(cvc, brand) if cvc is not None else ""),
    ]
    if faults:
        raise InvalidCard(
            faults[0].message,
            param=faults[0].param,
            errors=faults if len(faults) > 1 else (),
        )
    return CardData(
        number=number.get_secret_value(),
        brand=brand,
        exp_month=exp_month,
        exp_year=exp_year,
        holder_name=holder_name.strip() or None if holder_name else None,
    )


def parse_security_code(*, code: SecretStr, brand: str, param: str = "cvc") -> SecurityCode:
    """The CVC, checked for its form: 4 digits for American Express, 3 for all others.

    Raises ``InvalidCard`` with ``param``. The code is for the gateway of this very request.
    """
    fault = _security_code_fault(code, brand)
    if fault:
        raise InvalidCard(fault, param=param)
    return SecurityCode(code.get_secret_value())


def _fault(param: str, message: str) -> list[FieldError]:
    return [FieldError(param, InvalidCard.default_code, message)] if message else []


def _brand(number: SecretStr) -> tuple[str, str]:
    """The brand and what is wrong with the number ('' if nothing). Never raises."""
    digits = number.get_secret_value()
    if not (digits.isascii() and digits.isdigit()):
        return "", "The card number must be a string of digits without separators."
    if len(digits) not in NUMBER_DIGITS:
        return "", "The card number must have 12 to 19 digits."
    if not luhn.is_valid(digits):
        return "", "The card number is not valid: its check digit does not match."
    return (
        _brand_by_range(digits, RANGES_BEFORE_LIBRARY)
        or _brand_by_library(digits)
        or _brand_by_range(digits, RANGES_AFTER_LIBRARY)
        or ("", "The card's issuer is not supported.")
    )


def _brand_by_range(digits: str, ranges: tuple[IssuerRange, ...]) -> tuple[str, str] | None:
    for issuer in ranges:
        if issuer.holds(digits):
            fits = len(digits) in issuer.lengths
            return issuer.brand, "" if fits else _length_message(issuer.brand)
    return None


def _brand_by_library(digits: str) -> tuple[str, str] | None:
    try:
        brand = PaymentCardNumber.validate_brand(digits)
    except PydanticCustomError as error:
        known = BRANDS[(error.context or {})["brand"]]
        return known, _length_message(known)
    return (BRANDS[brand], "") if brand in BRANDS else None


def _length_message(brand: str) -> str:
    return f"The card number has the wrong length for {brand}."


def _expiry_faults(exp_month: int, exp_year: int, today: date) -> list[FieldError]:
    if not 1 <= exp_month <= 12:
        return _fault("card.exp_month", "The expiry month must be from 1 to 12.")
    if not 1000 <= exp_year <= 9999:
        return _fault("card.exp_year", "The expiry year must have four digits.")
    if exp_year < today.year:
        return _fault("card.exp_year", "The card has expired.")
    if exp_year == today.year and exp_month < today.month:
        return _fault("card.exp_month", "The card has expired.")
    if exp_year > today.year + EXPIRY_YEARS_AHEAD_MAX:
        return _fault(
            "card.exp_year",
            f"The expiry year must be at most {EXPIRY_YEARS_AHEAD_MAX} years ahead.",
        )
    return []


def _holder_name_fault(name: str | None) -> str:
    if name is None:
        return ""
    if len(name) > HOLDER_NAME_CHARACTERS_MAX:
        return f"The holder's name must have at most {HOLDER_NAME_CHARACTERS_MAX} characters."
    if any(_is_forbidden(character) for character in name):
        return "The holder's name must not contain control characters."
    # By Unicode category and after compatibility folding: full-width and circled digits count.
    digits = sum(character.isdigit() for character in unicodedata.normalize("NFKC", name))
    if digits > HOLDER_NAME_DIGITS_MAX:
        return "The holder's name must not contain a card number."
    return ""


_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Zero-width joiner and non-joiner: real names in Persian and Indic scripts use them.
_JOINERS = frozenset("\u200c\u200d")


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in _FORBIDDEN_CATEGORIES and character not in _JOINERS


def _security_code_fault(code: SecretStr, brand: str) -> str:
    digits = code.get_secret_value()
    lengths = {AMEX: (4,), "": (3, 4)}.get(brand, (3,))
    if digits.isascii() and digits.isdigit() and len(digits) in lengths:
        return ""
    wanted = " or ".join(str(length) for length in lengths)
    return f"The security code must be a string of {wanted} digits."
