"""The bank port: what is asked of a bank that pays merchants, and how it answers.

As at the gateways' port, adapters are stateless and keep nothing, the services commit, and an
answer's ``outcome`` is explicit: only a success or a refusal is final. Money may be on its way for
days, so that the usual answer is ACCEPTED, and the bank tells or is asked later what became of it.

An adapter answers within ``settings.GATEWAY_TIMEOUT_SECONDS``, UNKNOWN at the latest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from transactions.gateways.interface import Outcome
from transactions.payout_models import (
    BANK_REFERENCE_LENGTH_MAX,
    FAILURE_CODE_LENGTH_MAX,
    FAILURE_MESSAGE_LENGTH_MAX,
    PayoutAccount,
)


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """Money to be sent under our reference, which is the bank's idempotency key for it.

    ``amount`` in minor units. ``account`` holds numbers: an adapter shows them to its bank alone.
    """

    reference: UUID
    environment: str
    amount: int
    currency: str
    account: PayoutAccount


_LENGTHS_MAX = (
    ("bank_reference", BANK_REFERENCE_LENGTH_MAX),
    ("failure_code", FAILURE_CODE_LENGTH_MAX),
    ("message", FAILURE_MESSAGE_LENGTH_MAX),
)


@dataclass(frozen=True, slots=True)
class BankResult:
    """A bank's answer. ``response`` is what may be stored: without account numbers."""

    outcome: Outcome
    bank_reference: str | None = None
    failure_code: str | None = None
    message: str | None = None
    response: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Cuts texts to what their columns hold: no wording may keep an outcome from being
        written."""
        for name, length_max in _LENGTHS_MAX:
            text = getattr(self, name)
            if text is not None and len(text) > length_max:
                object.__setattr__(self, name, text[:length_max])


class Bank(Protocol):
    """What an adapter offers. ``reference`` is always a payout's id.

    ``is_by_file``: its orders go out in a file that staff hand over (``export_payouts``), and staff
    record what became of them; nothing is ever asked of it.
    """

    name: str
    is_by_file: bool

    def send(self, order: PaymentOrder) -> BankResult:
        """Orders a payment. SUCCEEDED: it is paid; ACCEPTED: it will be decided later; DECLINED: it
        is refused; UNAVAILABLE: certainly not taken, to be sent again; UNKNOWN: to be asked."""

    def lookup(self, *, reference: UUID) -> BankResult:
        """How an order stands: SUCCEEDED, ACCEPTED, DECLINED (refused, failed or returned), or
        NOT_FOUND where there is none or it is barred."""

    def bar(self, *, reference: UUID) -> BankResult:
        """Sees to it that the order is not carried out, should its call still arrive.

        SUCCEEDED only where it certainly was not taken and will not be; asked again it answers the
        same. Anything else leaves the outcome unknown, and the question is put again.
        """
