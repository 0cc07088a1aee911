"""The simulator as a bank: it takes orders, decides some seconds later, and tells by callback.

Its record lies in PostgreSQL but is written as an outside system's would be: in statements of its
own, never in a transaction of ours. Its messages travel as the simulated gateway's do, signed, to
``/v1/gateways/simulator/webhook``.
"""

import json
from typing import Any
from uuid import UUID

from django.conf import settings

from payments_project.database.statements import fetch_one
from transactions.banks.interface import BankResult, PaymentOrder
from transactions.banks.simulator import scenarios
from transactions.banks.simulator.scenarios import Scenario, scenario_of
from transactions.gateways.interface import Outcome

ACCEPTED = "accepted"
PAID = "paid"
FAILED = "failed"
RETURNED = "returned"
# The order had not come when it was barred, and may come no more.
BARRED = "barred"

_TRANSFER = """
    WITH transfer AS (
        INSERT INTO bank_simulator_transfers (reference, bank_id, amount, currency, status,
                                              scenario, failure_code)
        VALUES (%(reference)s, %(bank_id)s, %(amount)s, %(currency)s, %(status)s, %(scenario)s,
                %(failure_code)s)
        ON CONFLICT (reference) DO NOTHING
        RETURNING reference
    ), callback AS (
        INSERT INTO gateway_simulator_callbacks (due_at, message, attempts)
        SELECT now() + make_interval(secs => %(delay)s * place), message, 0
          FROM transfer, jsonb_array_elements(%(messages)s::jsonb)
               WITH ORDINALITY AS told (message, place)
    )
    SELECT reference FROM transfer"""
_BAR = """
    INSERT INTO bank_simulator_transfers (reference, bank_id, amount, currency, status, scenario)
    VALUES (%(reference)s, %(bank_id)s, 0, '', 'barred', 'barred')
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference"""
_OUTCOMES = {
    ACCEPTED: Outcome.ACCEPTED,
    PAID: Outcome.SUCCEEDED,
    FAILED: Outcome.DECLINED,
    RETURNED: Outcome.DECLINED,
    BARRED: Outcome.NOT_FOUND,
}
_MESSAGES = {
    "account_closed": "The account is closed.",
    "account_not_found": "The bank found no such account.",
    "returned_by_bank": "The receiving bank returned the money.",
}


class SimulatorBank:
    """Decides by account or test amount (``scenarios``); its idempotency key is our reference."""

    name = "simulator"
    is_by_file = False

    def send(self, order: PaymentOrder) -> BankResult:
        scenario = scenario_of(
            last_four=order.account.last_four, amount=order.amount, environment=order.environment
        )
        if scenario.name == scenarios.DOWN:
            return BankResult(Outcome.UNAVAILABLE, message="The bank answered 503.")
        if scenario.name == scenarios.TIMEOUT_NOT_TAKEN:
            return BankResult(Outcome.UNKNOWN, message="The bank did not answer.")
        self._store(order, scenario)
        if scenario.name == scenarios.TIMEOUT_TAKEN:
            return BankResult(Outcome.UNKNOWN, message="The bank did not answer.")
        return self.lookup(reference=order.reference)

    def lookup(self, *, reference: UUID) -> BankResult:
        row = fetch_one(
            "SELECT bank_id, status, failure_code FROM bank_simulator_transfers"
            " WHERE reference = %s",
            [reference],
        )
        if row is None:
            return BankResult(Outcome.NOT_FOUND)
        bank_id, status, failure_code = row
        outcome = _OUTCOMES[status]
        return BankResult(
            outcome,
            bank_reference=bank_id,
            failure_code=failure_code if outcome is Outcome.DECLINED else None,
            message=_MESSAGES.get(failure_code) if outcome is Outcome.DECLINED else None,
            response={"status": status},
        )

    def bar(self, *, reference: UUID) -> BankResult:
        fetch_one(_BAR, {"reference": reference, "bank_id": _bank_id(reference)})
        stands = self.lookup(reference=reference)
        if stands.response.get("status") == BARRED:
            return BankResult(Outcome.SUCCEEDED, response=stands.response)
        return BankResult(Outcome.DECLINED, message="The order was taken.")

    def _store(self, order: PaymentOrder, scenario: Scenario) -> None:
        """Writes the bank's record, unless the reference has one."""
        fetch_one(
            _TRANSFER,
            {
                "reference": order.reference,
                "bank_id": _bank_id(order.reference),
                "amount": order.amount,
                "currency": order.currency,
                "status": FAILED if scenario.name == scenarios.REFUSED else ACCEPTED,
                "scenario": scenario.name,
                "failure_code": scenario.failure_code,
                "delay": settings.SIMULATOR_CALLBACK_DELAY_SECONDS,
                "messages": json.dumps(_messages(order.reference, scenario)),
            },
        )


def _messages(reference: UUID, scenario: Scenario) -> list[dict[str, Any]]:
    """What the bank tells later, in order."""
    if scenario.name == scenarios.REFUSED:
        return []
    if scenario.name == scenarios.FAILED_LATER:
        return [_message("payout.failed", reference, scenario)]
    told = [_message("payout.paid", reference, scenario)]
    if scenario.name == scenarios.RETURNED:
        told.append(_message("payout.returned", reference, scenario))
    return told


def _message(kind: str, reference: UUID, scenario: Scenario) -> dict[str, Any]:
    data = {"payout": str(reference), "reason": scenario.failure_code}
    return {"id": f"simevt_{reference.hex}_{kind}", "type": kind, "data": data}


def _bank_id(reference: UUID) -> str:
    return f"sim_tr_{reference.hex}"
