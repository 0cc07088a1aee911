"""What each test card does; any other number succeeds. The list is part of the API (docs/testing.md)."""

from dataclasses import dataclass

PAID = "paid"
DECLINED = "declined"
TIMEOUT_CHARGED = "timeout_charged"
TIMEOUT_NOT_CHARGED = "timeout_not_charged"
DOWN = "down"
CONFIRMED_LATER = "confirmed_later"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A card's behaviour: of its charge, of refunds on it, and of what the cardholder does next."""

    name: str = PAID
    outcome: str = PAID
    decline_code: str | None = None
    available_at_once: bool = False
    refund: str = "succeeded"
    dispute_type: str | None = None
    dispute_reason: str | None = None


def _declined(code: str) -> Scenario:
    return Scenario(name=code, outcome=DECLINED, decline_code=code)


EXPIRED_CARD_NUMBER = "4000000000000069"

PLAIN = Scenario()
SCENARIOS: dict[str, Scenario] = {
    "4000000000000002": _declined("generic_decline"),
    "4000000000009995": _declined("insufficient_funds"),
    "4000000000009987": _declined("lost_card"),
    "4000000000009979": _declined("stolen_card"),
    EXPIRED_CARD_NUMBER: _declined("expired_card"),
    "4000000000000127": _declined("incorrect_cvc"),
    "4000000000000119": _declined("processing_error"),
    "4000000000000341": _declined("generic_decline"),
    "4000000000000259": Scenario(
        name="disputed_fraudulent", dispute_type="chargeback", dispute_reason="fraudulent"
    ),
    "4000000000002685": Scenario(
        name="disputed_not_received",
        dispute_type="chargeback",
        dispute_reason="product_not_received",
    ),
    "4000000000001976": Scenario(
        name="disputed_inquiry", dispute_type="inquiry", dispute_reason="fraudulent"
    ),
    "4000000000007726": Scenario(name="refund_pending", refund="pending_then_succeeded"),
    "4000000000005126": Scenario(name="refund_fails", refund="succeeded_then_failed"),
    "4000000000000077": Scenario(name="available_at_once", available_at_once=True),
    "4000000000006009": Scenario(name=TIMEOUT_CHARGED, outcome=TIMEOUT_CHARGED),
    "4000000000006017": Scenario(name=TIMEOUT_NOT_CHARGED, outcome=TIMEOUT_NOT_CHARGED),
    "4000000000006025": Scenario(name=DOWN, outcome=DOWN),
    "4000000000006033": Scenario(name=CONFIRMED_LATER, outcome=CONFIRMED_LATER),
}
BY_NAME: dict[str, Scenario] = {scenario.name: scenario for scenario in SCENARIOS.values()}
BY_NAME[PAID] = PLAIN

DECLINE_MESSAGES = {
    "generic_decline": "The card was declined.",
    "insufficient_funds": "The card has insufficient funds.",
    "lost_card": "The card was reported lost.",
    "stolen_card": "The card was reported stolen.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The card's security code is incorrect.",
    "processing_error": "An error occurred while processing the card.",
}
