"""Which banks there are, and which one pays a merchant."""

from django.conf import settings

from payments_project.errors import Unavailable
from payments_project.tenancy import TEST, Scope
from transactions.banks.file import FileBank
from transactions.banks.interface import Bank
from transactions.banks.simulator.bank import SimulatorBank

_BANKS: dict[str, Bank] = {bank.name: bank for bank in (SimulatorBank(), FileBank())}


def get_bank(name: str) -> Bank:
    """The adapter of that name; ``KeyError`` for a name that no adapter has."""
    return _BANKS[name]


def banks_by_file() -> list[str]:
    """The names of banks that are handed files."""
    return [bank.name for bank in _BANKS.values() if bank.is_by_file]


def select_bank(scope: Scope) -> Bank:
    """The bank for a new payout: the simulator for test money, the settings' ``PAYOUT_BANK`` for
    live money. Raises ``Unavailable`` where that names none."""
    if scope.environment == TEST or settings.SIMULATOR_ANSWERS_LIVE:
        return _BANKS[SimulatorBank.name]
    bank = _BANKS.get(settings.PAYOUT_BANK)
    if bank is None or bank.name == SimulatorBank.name:
        raise Unavailable(
            "No bank is configured for live payouts.", code="bank_unavailable", retry_after=60
        )
    return bank
