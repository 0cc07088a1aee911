"""Gateways that fail in ways the simulator doesn't: adapters like any other, in the registry for a
test. What they answer is set by the test; what they were asked is kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from transactions.gateways import registry
from transactions.gateways.interface import (
    Callback,
    ChargeRequest,
    Evidence,
    GatewayResult,
    InvalidCallback,
    Outcome,
)
from transactions.models import Transaction

UNKNOWN = GatewayResult(Outcome.UNKNOWN)


class ScriptedGateway:
    """Answers each kind of call from a list, the last answer for ever; ``asked`` names the calls."""

    name = "scripted"

    def __init__(self, **answers: list[GatewayResult]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def _answer(self, call: str) -> GatewayResult:
        self.asked.append(call)
        answers = self.answers.get(call, [UNKNOWN])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def authorize(self, charge: ChargeRequest) -> GatewayResult:
        return self._answer("authorize")

    def capture(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        return self._answer("capture")

    def void(self, *, charge: UUID) -> GatewayResult:
        return self._answer("void")

    def refund(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        return self._answer("refund")

    def bar_capture(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        return self._answer("bar_capture")

    def bar_refund(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        return self._answer("bar_refund")

    def lookup(self, *, charge: UUID) -> GatewayResult:
        return self._answer("lookup")

    def lookup_refund(self, *, reference: UUID) -> GatewayResult:
        return self._answer("lookup_refund")

    def submit_evidence(
        self, *, dispute: str, reference: UUID, evidence: Evidence
    ) -> GatewayResult:
        return self._answer("submit_evidence")

    def accept_dispute(self, *, dispute: str, reference: UUID) -> GatewayResult:
        return self._answer("accept_dispute")

    def lookup_dispute(self, *, dispute: str) -> GatewayResult:
        return self._answer("lookup_dispute")

    def parse_callback(self, *, headers: Mapping[str, str], body: bytes) -> Callback:
        raise InvalidCallback("It has no callbacks.")


@contextmanager
def scripted(transaction_id: str, **answers: list[GatewayResult]) -> Iterator[ScriptedGateway]:
    """Puts a transaction into the hands of a scripted gateway until the block ends."""
    gateway = ScriptedGateway(**answers)
    rows = Transaction.objects.filter(pk=transaction_id)
    registry._GATEWAYS[gateway.name] = gateway
    rows.update(gateway_name=gateway.name)
    try:
        yield gateway
    finally:
        rows.update(gateway_name="simulator")
        del registry._GATEWAYS[gateway.name]
