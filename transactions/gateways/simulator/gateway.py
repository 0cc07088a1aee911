"""The simulator as a gateway: it answers as a provider would and keeps its own record of charges.

Its record lies in PostgreSQL, where any process finds it, but is written as an outside system's
would be: in statements of its own, never in a transaction of ours. They don't wait for the disk.
That is safe because the log is one sequence: whenever our outcome is durable, so is the
simulator's earlier record; and a record lost in a crash is a charge that we know as pending and
the simulator as never made.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings

from payments_project.database.statements import fetch_one
from transactions.gateways.interface import (
    Callback,
    ChargeRequest,
    Evidence,
    GatewayResult,
    Outcome,
)
from transactions.gateways.simulator import callbacks, cards, disputes
from transactions.gateways.simulator.cards import Scenario

AUTHORIZED = "authorized"
CAPTURED = "captured"
CONFIRMING = "confirming"
DECLINED = "declined"
VOIDED = "voided"
# Of a refund: its call had not come when it was barred, and may come no more.
BARRED = "barred"

_CHARGE = """
    INSERT INTO gateway_simulator_charges (reference, gateway_id, amount, currency, status,
                                           scenario, decline_code, captured_amount)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference, set_config('synchronous_commit', 'off', true)"""
_CHARGE_WITH_CALLBACKS = f"""
    WITH charge AS ({_CHARGE}), callback AS (
        INSERT INTO gateway_simulator_callbacks (due_at, message, attempts)
        SELECT now() + make_interval(secs => %s), message, 0
          FROM charge, jsonb_array_elements(%s::jsonb) AS message
    )
    SELECT reference FROM charge"""
_CAPTURE = """
    WITH charge AS (
        UPDATE gateway_simulator_charges
           SET captured_amount = %(amount)s, status = %(status)s, updated_at = now()
         WHERE reference = %(charge)s AND status = 'authorized' AND amount >= %(amount)s
           AND (%(reference)s = ANY (barred_captures)) IS NOT TRUE
        RETURNING gateway_id
    ), callback AS (
        INSERT INTO gateway_simulator_callbacks (due_at, message, attempts)
        SELECT now() + make_interval(secs => %(delay)s), message, 0
          FROM charge, jsonb_array_elements(%(messages)s::jsonb) AS message
    )
    SELECT gateway_id FROM charge"""
_REFUND = """
    WITH charge AS (
        SELECT reference FROM gateway_simulator_charges AS charge
         WHERE reference = %(charge)s AND status = 'captured'
           AND captured_amount >= %(amount)s + (
               SELECT coalesce(sum(amount), 0) FROM gateway_simulator_refunds
                WHERE charge_id = charge.reference AND status NOT IN ('failed', 'barred'))
           FOR UPDATE
    ), refund AS (
        INSERT INTO gateway_simulator_refunds (reference, charge_id, gateway_id, amount, status)
        SELECT %(reference)s, reference, %(gateway_id)s, %(amount)s, %(status)s FROM charge
        ON CONFLICT (reference) DO NOTHING
        RETURNING reference
    ), callback AS (
        INSERT INTO gateway_simulator_callbacks (due_at, message, attempts)
        SELECT now() + make_interval(secs => %(delay)s), message, 0
          FROM refund, jsonb_array_elements(%(messages)s::jsonb) AS message
    )
    SELECT count(*) FROM refund"""
# On the charge's own row: a capture that waits for the row reads it again once this is committed,
# and would not see a row of another table that its snapshot does not have.
_BAR_CAPTURE = """
    UPDATE gateway_simulator_charges
       SET barred_captures = array_append(array_remove(barred_captures, %(reference)s),
                                          %(reference)s),
           updated_at = now()
     WHERE reference = %(charge)s AND captured_amount = 0
    RETURNING gateway_id"""
# The reference itself is the bar: of this and the refund, only one can have its row. The charge is
# locked first, as the refund does: its foreign key would lock it after the row. A refund that has
# come and was not paid out yet is called off.
_BAR_REFUND = """
    WITH charge AS (
        SELECT reference FROM gateway_simulator_charges WHERE reference = %(charge)s FOR UPDATE
    )
    INSERT INTO gateway_simulator_refunds AS refund (reference, charge_id, gateway_id, amount,
                                                     status)
    SELECT %(reference)s, reference, %(gateway_id)s, 0, 'barred' FROM charge
    ON CONFLICT (reference) DO UPDATE SET status = 'barred', updated_at = now()
     WHERE refund.status = 'pending'
    RETURNING gateway_id"""


class SimulatorGateway:
    """Decides by card number (``cards.SCENARIOS``); its idempotency key is our reference."""

    name = "simulator"

    def authorize(self, charge: ChargeRequest) -> GatewayResult:
        scenario = cards.SCENARIOS.get(charge.card.reveal_number(), cards.PLAIN)
        if scenario is cards.PLAIN and charge.card.expires_at < datetime.now(UTC).date():
            scenario = cards.SCENARIOS[cards.EXPIRED_CARD_NUMBER]
        if scenario.outcome == cards.DOWN:
            return GatewayResult(Outcome.UNAVAILABLE, message="The simulator answered 503.")
        if scenario.outcome == cards.TIMEOUT_NOT_CHARGED:
            return GatewayResult(Outcome.UNKNOWN, message="The simulator did not answer.")
        created = self._store_charge(charge, scenario)
        if scenario.outcome == cards.TIMEOUT_CHARGED:
            return GatewayResult(Outcome.UNKNOWN, message="The simulator did not answer.")
        if not created:
            return self.lookup(charge=charge.reference)
        if scenario.outcome == cards.DECLINED:
            return _declined(scenario.decline_code)
        return GatewayResult(
            Outcome.ACCEPTED
            if scenario.outcome == cards.CONFIRMED_LATER and charge.capture
            else Outcome.SUCCEEDED,
            gateway_id=_gateway_id("ch", charge.reference),
            captured_amount=charge.amount if charge.capture else 0,
            available_at_once=scenario.available_at_once,
            response={"status": "approved", "scenario": scenario.name},
        )

    def capture(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        scenario = _scenario_of(charge)
        messages = callbacks.after_payment(scenario, charge, amount)
        confirmed_later = scenario.outcome == cards.CONFIRMED_LATER
        status = CONFIRMING if confirmed_later else CAPTURED
        row = fetch_one(
            _CAPTURE,
            {
                "status": status,
                "charge": charge,
                "reference": reference,
                "amount": amount,
                "delay": settings.SIMULATOR_CALLBACK_DELAY_SECONDS,
                "messages": json.dumps(messages),
            },
        )
        if row is None:
            stands = self.lookup(charge=charge)
            if stands.captured_amount == amount:
                return stands
            return GatewayResult(
                Outcome.DECLINED, message="The charge can't be captured.", decline_code=None
            )
        return GatewayResult(
            Outcome.ACCEPTED if confirmed_later else Outcome.SUCCEEDED,
            gateway_id=row[0],
            captured_amount=amount,
            available_at_once=scenario.available_at_once,
            response={"status": status, "amount": amount},
        )

    def void(self, *, charge: UUID) -> GatewayResult:
        # A charge that never came leaves a voided record, so that it can't be made later.
        row = fetch_one(
            "INSERT INTO gateway_simulator_charges AS charge (reference, gateway_id, amount,"
            " currency, status, scenario, captured_amount)"
            " VALUES (%s, %s, 0, '', %s, 'paid', 0)"
            " ON CONFLICT (reference) DO UPDATE SET status = excluded.status, updated_at = now()"
            " WHERE charge.status IN (%s, %s) RETURNING gateway_id",
            [charge, _gateway_id("ch", charge), VOIDED, AUTHORIZED, VOIDED],
        )
        if row is None:
            return GatewayResult(Outcome.DECLINED, message="The charge can't be voided.")
        return GatewayResult(Outcome.SUCCEEDED, gateway_id=row[0], response={"status": VOIDED})

    def refund(self, *, charge: UUID, reference: UUID, amount: int) -> GatewayResult:
        scenario = _scenario_of(charge)
        pending = scenario.refund == "pending_then_succeeded"
        messages = callbacks.after_refund(scenario, reference, amount)
        created = fetch_one(
            _REFUND,
            {
                "charge": charge,
                "reference": reference,
                "gateway_id": _gateway_id("re", reference),
                "amount": amount,
                "status": "pending" if pending else "succeeded",
                "delay": settings.SIMULATOR_CALLBACK_DELAY_SECONDS,
                "messages": json.dumps(messages),
            },
        )
        if created is None or created[0] == 0:
            stands = self.lookup_refund(reference=reference)
            if stands.outcome is not Outcome.NOT_FOUND:
                return stands
            return GatewayResult(Outcome.DECLINED, message="The charge can't be refunded.")
        return GatewayResult(
            Outcome.ACCEPTED if pending else Outcome.SUCCEEDED,
            gateway_id=_gateway_id("re", reference),
            response={"status": "pending" if pending else "succeeded"},
        )

    def bar_capture(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        row = fetch_one(_BAR_CAPTURE, {"charge": charge, "reference": reference})
        if row is None:
            return GatewayResult(Outcome.DECLINED, message="The capture can't be barred.")
        return GatewayResult(Outcome.SUCCEEDED, response={"status": BARRED})

    def bar_refund(self, *, charge: UUID, reference: UUID) -> GatewayResult:
        gateway_id = _gateway_id("re", reference)
        fetch_one(_BAR_REFUND, {"charge": charge, "reference": reference, "gateway_id": gateway_id})
        stands = self.lookup_refund(reference=reference)
        if stands.response.get("status") == BARRED:
            return GatewayResult(Outcome.SUCCEEDED, response=stands.response)
        return GatewayResult(Outcome.DECLINED, message="The refund can't be barred.")

    def lookup(self, *, charge: UUID) -> GatewayResult:
        row = fetch_one(
            "SELECT gateway_id, status, captured_amount, decline_code, scenario"
            " FROM gateway_simulator_charges WHERE reference = %s",
            [charge],
        )
        if row is None:
            return GatewayResult(Outcome.NOT_FOUND)
        gateway_id, status, captured_amount, decline_code, scenario_name = row
        if status == DECLINED:
            return _declined(decline_code)
        if status == VOIDED:
            return GatewayResult(Outcome.NOT_FOUND, response={"status": VOIDED})
        return GatewayResult(
            Outcome.ACCEPTED if status == CONFIRMING else Outcome.SUCCEEDED,
            gateway_id=gateway_id,
            captured_amount=captured_amount,
            available_at_once=cards.BY_NAME[scenario_name].available_at_once,
            response={"status": status},
        )

    def lookup_refund(self, *, reference: UUID) -> GatewayResult:
        row = fetch_one(
            "SELECT gateway_id, status FROM gateway_simulator_refunds WHERE reference = %s",
            [reference],
        )
        if row is None:
            return GatewayResult(Outcome.NOT_FOUND)
        outcome = {
            "pending": Outcome.ACCEPTED,
            "succeeded": Outcome.SUCCEEDED,
            "failed": Outcome.DECLINED,
            BARRED: Outcome.NOT_FOUND,
        }[row[1]]
        return GatewayResult(outcome, gateway_id=row[0], response={"status": row[1]})

    def submit_evidence(
        self, *, dispute: str, reference: UUID, evidence: Evidence
    ) -> GatewayResult:
        return disputes.submit_evidence(dispute=dispute, reference=reference, evidence=evidence)

    def accept_dispute(self, *, dispute: str, reference: UUID) -> GatewayResult:
        return disputes.accept_dispute(dispute=dispute, reference=reference)

    def lookup_dispute(self, *, dispute: str) -> GatewayResult:
        return disputes.lookup_dispute(dispute=dispute)

    def parse_callback(self, *, headers: Mapping[str, str], body: bytes) -> Callback:
        return callbacks.parse(headers=headers, body=body)

    def _store_charge(self, charge: ChargeRequest, scenario: Scenario) -> bool:
        """Writes the simulator's record; False if the reference was used before."""
        if scenario.outcome == cards.DECLINED:
            status = DECLINED
        elif not charge.capture:
            status = AUTHORIZED
        else:
            status = CONFIRMING if scenario.outcome == cards.CONFIRMED_LATER else CAPTURED
        values = [
            charge.reference,
            _gateway_id("ch", charge.reference),
            charge.amount,
            charge.currency,
            status,
            scenario.name,
            scenario.decline_code,
            charge.amount if status in (CAPTURED, CONFIRMING) else 0,
        ]
        messages = (
            callbacks.after_payment(scenario, charge.reference, charge.amount)
            if status in (CAPTURED, CONFIRMING)
            else []
        )
        if not messages:
            row = fetch_one(_CHARGE, values)
        else:
            delay = settings.SIMULATOR_CALLBACK_DELAY_SECONDS
            row = fetch_one(_CHARGE_WITH_CALLBACKS, [*values, delay, json.dumps(messages)])
        return row is not None


def _scenario_of(charge: UUID) -> Scenario:
    """How a charge's card was to behave; a charge that is not known behaves plainly."""
    row = fetch_one("SELECT scenario FROM gateway_simulator_charges WHERE reference = %s", [charge])
    return cards.BY_NAME[row[0]] if row else cards.PLAIN


def _gateway_id(kind: str, reference: UUID) -> str:
    return f"sim_{kind}_{reference.hex}"


def _declined(code: str | None) -> GatewayResult:
    code = code or "generic_decline"
    return GatewayResult(
        Outcome.DECLINED,
        decline_code=code,
        message=cards.DECLINE_MESSAGES[code],
        response={"status": DECLINED, "decline_code": code},
    )
