"""The simulator's disputes: its own record of them, and how it decides.

What the merchant writes into ``uncategorized_text`` decides: ``winning_evidence``,
``losing_evidence``, and for an inquiry ``escalate_inquiry_evidence``. Over any other evidence it
sits for ever, until somebody has it decide (``decide_dispute``).
"""

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from payments_project.database.statements import fetch_one
from transactions.gateways.interface import Evidence, GatewayResult, Outcome
from transactions.gateways.simulator.callbacks import dispute_created, message

WINNING = "winning_evidence"
LOSING = "losing_evidence"
ESCALATING = "escalate_inquiry_evidence"

NEEDS_RESPONSE = "needs_response"
UNDER_REVIEW = "under_review"
WON = "won"
LOST = "lost"
WARNING_CLOSED = "warning_closed"
INQUIRY = "inquiry"
# Its words and ours.
_OURS = {NEEDS_RESPONSE: "open"}

_QUEUE = """
    INSERT INTO gateway_simulator_callbacks (due_at, message, attempts)
    SELECT now() + make_interval(secs => %(delay)s), message, 0
      FROM {source}, jsonb_array_elements(%(messages)s::jsonb) AS message
    RETURNING id"""
# Evidence under a reference that has come before changes nothing. The dispute's last day is whole.
_ANSWER = f"""
    WITH dispute AS (
        UPDATE gateway_simulator_disputes
           SET status = %(status)s, submissions = array_append(submissions, %(reference)s),
               updated_at = now()
         WHERE gateway_id = %(dispute)s AND status = 'needs_response'
           AND (due_date IS NULL OR due_date >= (now() AT TIME ZONE 'UTC')::date)
        RETURNING gateway_id
    ), callback AS ({_QUEUE.format(source="dispute")})
    SELECT gateway_id FROM dispute"""
_TELL = _QUEUE.format(source="(SELECT 1) AS once")


def submit_evidence(*, dispute: str, reference: UUID, evidence: Evidence) -> GatewayResult:
    """As the port has it: kept under its reference, and decided upon if it says how."""
    known = _known(dispute)
    if known is None:
        return _refused("There is no such dispute.")
    for document in evidence.documents.values():
        document.read()  # As a gateway would: what can't be read can't be sent.
    follow = _decision(known, evidence.texts.get("uncategorized_text", "").strip(), reference)
    return _answered(known, reference, status=UNDER_REVIEW, messages=follow)


def accept_dispute(*, dispute: str, reference: UUID) -> GatewayResult:
    """As the port has it; the simulator then tells how it ended, as for any other dispute."""
    known = _known(dispute)
    if known is None:
        return _refused("There is no such dispute.")
    status = WARNING_CLOSED if known["dispute_type"] == INQUIRY else LOST
    follow = [_closed(known, reference, status)]
    return _answered(known, reference, status=status, messages=follow)


def lookup_dispute(*, dispute: str) -> GatewayResult:
    """As the port has it."""
    known = _known(dispute)
    if known is None:
        return GatewayResult(Outcome.NOT_FOUND)
    status = known["status"]
    return GatewayResult(
        Outcome.SUCCEEDED,
        gateway_id=dispute,
        dispute_status=_OURS.get(status, status),
        response={"status": status},
    )


def raise_dispute(
    *,
    charge: UUID,
    amount: int,
    dispute_type: str = "chargeback",
    reason: str = "fraudulent",
    due_date: date | None = None,
    dispute: str | None = None,
) -> str:
    """Has a cardholder dispute ``amount`` of a charge, or with ``dispute`` an inquiry become a
    chargeback; told by callback. Returns the simulator's id of the dispute."""
    occasion = uuid4()
    identity = dispute or f"sim_dp_{occasion.hex}"
    told = dispute_created(
        occasion=occasion,
        charge=charge,
        dispute=identity,
        dispute_type=dispute_type,
        reason=reason,
        amount=amount,
        due_date=due_date,
    )
    _tell(told)
    return identity


def decide_dispute(*, dispute: str, status: str) -> None:
    """Has the cardholder's bank decide a dispute (``won``, ``lost``, ``warning_closed``), whatever
    was shown; told by callback. Raises ``LookupError`` for one that the simulator has not."""
    known = _known(dispute)
    if known is None:
        raise LookupError(dispute)
    _tell(_closed(known, uuid4(), status))


def let_happen(kind: str, data: dict[str, Any]) -> None:
    """What the message tells, in the simulator's own record."""
    if kind == "dispute.created":
        fetch_one(
            "INSERT INTO gateway_simulator_disputes AS known (gateway_id, charge_id, dispute_type,"
            " reason, amount, due_date, status)"
            " VALUES (%s, %s::uuid, %s, %s, %s, %s::date, 'needs_response')"
            " ON CONFLICT (gateway_id) DO UPDATE SET dispute_type = excluded.dispute_type,"
            " reason = excluded.reason, amount = excluded.amount, due_date = excluded.due_date,"
            " status = excluded.status, updated_at = now()"
            " WHERE known.dispute_type = 'inquiry' AND excluded.dispute_type = 'chargeback'"
            " RETURNING gateway_id",
            [
                data["dispute"],
                data["charge"],
                data["type"],
                data["reason"],
                data["amount"],
                data.get("due_date"),
            ],
        )
    elif kind == "dispute.closed":
        # A message may be sent again after the inquiry that it closed has become a chargeback.
        fetch_one(
            "UPDATE gateway_simulator_disputes SET status = %(status)s, updated_at = now()"
            " WHERE gateway_id = %(dispute)s"
            " AND NOT (dispute_type = 'chargeback' AND %(status)s = 'warning_closed')"
            " RETURNING gateway_id",
            {"status": data["status"], "dispute": data["dispute"]},
        )


def _known(dispute: str) -> dict[str, Any] | None:
    names = ("gateway_id", "charge_id", "dispute_type", "reason", "amount", "status", "submissions")
    row = fetch_one(
        f"SELECT {', '.join(names)} FROM gateway_simulator_disputes WHERE gateway_id = %s",
        [dispute],
    )
    return None if row is None else dict(zip(names, row, strict=True))


def _decision(known: dict[str, Any], word: str, reference: UUID) -> list[dict[str, Any]]:
    is_inquiry = known["dispute_type"] == INQUIRY
    if word == WINNING:
        return [_closed(known, reference, WARNING_CLOSED if is_inquiry else WON)]
    if word == LOSING:
        return [_closed(known, reference, LOST)]
    if word == ESCALATING and is_inquiry:
        return [
            dispute_created(
                occasion=reference,
                charge=known["charge_id"],
                dispute=known["gateway_id"],
                dispute_type="chargeback",
                reason=known["reason"],
                amount=known["amount"],
            )
        ]
    return []


def _closed(known: dict[str, Any], occasion: UUID, status: str) -> dict[str, Any]:
    data = {
        "charge": str(known["charge_id"]),
        "dispute": known["gateway_id"],
        "status": status,
    }
    return message("dispute.closed", occasion, data)


def _answered(
    known: dict[str, Any], reference: UUID, *, status: str, messages: list[dict[str, Any]]
) -> GatewayResult:
    if reference not in known["submissions"]:
        row = fetch_one(
            _ANSWER,
            {
                "dispute": known["gateway_id"],
                "reference": reference,
                "status": status,
                "delay": settings.SIMULATOR_CALLBACK_DELAY_SECONDS,
                "messages": json.dumps(messages),
            },
        )
        if row is None and reference not in (_known(known["gateway_id"]) or known)["submissions"]:
            return _refused("The dispute is not open any more.")
    return GatewayResult(
        Outcome.SUCCEEDED, gateway_id=known["gateway_id"], response={"status": status}
    )


def _refused(words: str) -> GatewayResult:
    return GatewayResult(Outcome.DECLINED, message=words)


def _tell(told: dict[str, Any]) -> None:
    fetch_one(
        _TELL,
        {
            "delay": settings.SIMULATOR_CALLBACK_DELAY_SECONDS,
            "messages": json.dumps([told]),
        },
    )
