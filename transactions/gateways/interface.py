"""The gateway port: what the product asks of a payment provider, and how it hears the answer.

Adapters are stateless and keep nothing; the services commit. An adapter never raises for what a
provider says or fails to say: it answers with a result whose ``outcome`` is explicit. Only an
explicit success or refusal is final; a time-out or a broken connection after sending is UNKNOWN.

It answers within ``settings.GATEWAY_TIMEOUT_SECONDS``, UNKNOWN at the latest: the lease of an
intent rests on it, and past the lease others ask about the reference and bar it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from vault.card_data import CardData, SecurityCode


class Outcome(Enum):
    """How a call to a gateway ended."""

    SUCCEEDED = "succeeded"
    # The gateway accepted it and confirms it later by callback.
    ACCEPTED = "accepted"
    DECLINED = "declined"
    # Certainly nothing happened: the gateway was down or refused to take the call.
    UNAVAILABLE = "unavailable"
    # It may have happened; ask the gateway, never guess.
    UNKNOWN = "unknown"
    # Lookup only: the gateway has no such reference.
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A charge under our reference, which is the gateway's idempotency key for it."""

    reference: UUID
    amount: int
    currency: str
    capture: bool
    card: CardData
    cvc: SecurityCode | None = None


_LENGTHS_MAX = (("gateway_id", 100), ("decline_code", 40), ("message", 300))


@dataclass(frozen=True, slots=True)
class GatewayResult:
    """A gateway's answer. ``response`` is what may be stored: redacted, without card data."""

    outcome: Outcome
    gateway_id: str | None = None
    # How much was captured, 0 for what is only held. Always set where authorize, capture or lookup
    # answer SUCCEEDED or ACCEPTED; of a capture it is the amount that was asked for. An answer
    # without it is refused (``transactions.outcomes``) and the payment left as it is.
    captured_amount: int | None = None
    decline_code: str | None = None
    message: str | None = None
    # Of a look-up of a dispute: its state in our words, such as ``under_review``.
    dispute_status: str | None = None
    # The money can be paid out at once, without the settlement delay.
    available_at_once: bool = False
    response: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Cuts texts to what their columns hold: no wording of a provider's may keep the outcome
        of a charge from being written."""
        for name, length_max in _LENGTHS_MAX:
            text = getattr(self, name)
            if text is not None and len(text) > length_max:
                object.__setattr__(self, name, text[:length_max])


@dataclass(frozen=True, slots=True)
class Document:
    """A file of a dispute's evidence; ``read`` gives its content, and may raise."""

    filename: str
    content_type: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a merchant says and shows in a dispute, by the names of the evidence catalogue."""

    texts: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    merchant_response: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A verified message from a gateway. ``message_id`` is unique at that gateway."""

    message_id: str
    type: str
    payload: Mapping[str, Any]


class InvalidCallback(Exception):
    """The message's signature is wrong, or it can't be read: it is refused and not kept."""


class Gateway(Protocol):
    """What an adapter offers. ``reference`` is always an id of ours."""

    name: str

    def authorize(self, charge: ChargeRequest) -> GatewayResult:
        """Charges a card, or holds the amount where ``capture`` is False."""

    def capture(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        """Captures ``amount`` of an authorized charge and releases the rest."""

    def void(self, *, charge: UUID) -> GatewayResult:
        """Releases an authorized charge; a charge it never saw is barred from being made later.

        Asked again it answers the same: a charge that is void already is SUCCEEDED.
        """

    def refund(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        """Gives ``amount`` of a captured charge back to the customer."""

    def bar_capture(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        """Sees to it that the capture under ``reference`` is not carried out, should its call
        still arrive.

        SUCCEEDED only where it certainly was not carried out and will not be; asked again it
        answers the same. Anything else leaves the outcome unknown, and the question is put again.
        An adapter whose provider can't bar a reference answers UNKNOWN until no lost call can
        arrive any more, by what the provider promises: the time for which it keeps idempotency
        keys, counted from the reference's own time (``uuid7_time``). Where the provider gives an
        earlier answer again for a key, sending something harmless under the key is a bar.
        """

    def bar_refund(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        """The same for a refund under ``reference``. One that the provider has taken and not yet
        paid out may be called off by it: then it was not carried out and will not be, either."""

    def lookup(self, *, charge: UUID) -> GatewayResult:
        """How the charge stands: SUCCEEDED with ``captured_amount`` (0 if only authorized), …

        NOT_FOUND for one that is void, too.
        """

    def lookup_refund(self, *, reference: UUID) -> GatewayResult:
        """How the refund stands; NOT_FOUND for one that is barred."""

    def submit_evidence(
        self, *, dispute: str, reference: UUID, evidence: Evidence
    ) -> GatewayResult:
        """Sends the evidence of a dispute, which the gateway calls ``dispute``, for good.

        Sent again under the same ``reference`` it answers the same and nothing is sent twice: so
        an unknown outcome is found out by sending it again. DECLINED where the gateway does not
        take it (any more).
        """

    def accept_dispute(self, *, dispute: str, reference: UUID) -> GatewayResult:
        """Gives a dispute up. Asked again under the same ``reference`` it answers the same."""

    def lookup_dispute(self, *, dispute: str) -> GatewayResult:
        """How the dispute stands, as ``dispute_status``: one of our states; NOT_FOUND."""

    def parse_callback(self, *, headers: Mapping[str, str], body: bytes) -> Callback:
        """Verifies and reads a callback. Raises ``InvalidCallback``."""
