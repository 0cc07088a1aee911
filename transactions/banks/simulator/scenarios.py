"""What becomes of a payment order at the simulated bank.

An account's last four digits decide; in the test environment certain amounts do too, so that a
merchant's engineer can see each outcome with the one account that they have. Both are documented in
docs/payouts.md.
"""

from dataclasses import dataclass

from payments_project.tenancy import TEST

PAID = "paid"
REFUSED = "refused"
FAILED_LATER = "failed_later"
RETURNED = "returned"
TIMEOUT_TAKEN = "timeout_taken"
TIMEOUT_NOT_TAKEN = "timeout_not_taken"
DOWN = "down"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``failure_code`` is what the bank says, where it does not pay in the end."""

    name: str
    failure_code: str | None = None


PLAIN = Scenario(PAID)
BY_LAST_FOUR = {
    "0002": Scenario(REFUSED, "account_closed"),
    "0003": Scenario(FAILED_LATER, "account_not_found"),
    "0004": Scenario(RETURNED, "returned_by_bank"),
    "0005": Scenario(TIMEOUT_TAKEN),
    "0006": Scenario(TIMEOUT_NOT_TAKEN),
    "0007": Scenario(DOWN),
}
# In minor units of any currency.
BY_TEST_AMOUNT = {90_000 + int(last_four): scenario for last_four, scenario in BY_LAST_FOUR.items()}


def scenario_of(*, last_four: str, amount: int, environment: str) -> Scenario:
    """How an order is to behave."""
    scenario = BY_LAST_FOUR.get(last_four, PLAIN)
    if scenario is PLAIN and environment == TEST:
        return BY_TEST_AMOUNT.get(amount, PLAIN)
    return scenario
