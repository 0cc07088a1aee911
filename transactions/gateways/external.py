"""Payments taken elsewhere: there is no provider to ask, the merchant's word is the outcome.

A refund of a recorded payment is a record too: the money goes back where it was taken. So is what
is said in a dispute about one, or in any that no gateway knows: staff hand it on, and tell the end.
"""

from collections.abc import Mapping
from uuid import UUID

from transactions.gateways.interface import (
    Callback,
    ChargeRequest,
    Evidence,
    GatewayResult,
    InvalidCallback,
    Outcome,
)

EXTERNAL = "external"


class ExternalGateway:
    """Answers for what was recorded; takes no charge of its own."""

    name = EXTERNAL

    def authorize(self, charge: ChargeRequest) -> GatewayResult:
        return GatewayResult(Outcome.UNAVAILABLE, message="Nothing is charged through this one.")

    def capture(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        return GatewayResult(Outcome.DECLINED, message="Recorded payments are captured already.")

    def void(self, *, charge: UUID) -> GatewayResult:
        return GatewayResult(Outcome.DECLINED, message="Recorded payments can't be voided.")

    def refund(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        return GatewayResult(Outcome.SUCCEEDED, response={"status": "recorded"})

    def bar_capture(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        return GatewayResult(Outcome.SUCCEEDED, message="Nothing is captured through this one.")

    def bar_refund(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        return GatewayResult(Outcome.DECLINED, message="A recorded refund has been made.")

    def lookup(self, *, charge: UUID) -> GatewayResult:
        return GatewayResult(Outcome.NOT_FOUND)

    def lookup_refund(self, *, reference: UUID) -> GatewayResult:
        return GatewayResult(Outcome.SUCCEEDED, response={"status": "recorded"})

    def submit_evidence(
        self, *, dispute: str, reference: UUID, evidence: Evidence
    ) -> GatewayResult:
        return GatewayResult(Outcome.SUCCEEDED, response={"status": "recorded"})

    def accept_dispute(self, *, dispute: str, reference: UUID) -> GatewayResult:
        return GatewayResult(Outcome.SUCCEEDED, response={"status": "recorded"})

    def lookup_dispute(self, *, dispute: str) -> GatewayResult:
        return GatewayResult(Outcome.NOT_FOUND)

    def parse_callback(self, *, headers: Mapping[str, str], body: bytes) -> Callback:
        raise InvalidCallback("Recorded payments have no callbacks.")
