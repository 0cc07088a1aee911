"""What a gateway says against our record: nothing is changed by it, and it is not lost.

A message that says so is kept with the outcome ``contradiction: …`` (``services/callbacks.py``). An
answer to a call has no message of its own; it is put beside them here, for the auditor and staff.
"""

import logging
from uuid import UUID

from django.db import connection

from payments_project.json_text import json_text
from transactions import states
from transactions.gateways.interface import GatewayResult, Outcome
from transactions.models import GatewayOperation, Transaction
from transactions.transition import Change

logger = logging.getLogger(__name__)

_OUTCOME_LENGTH_MAX = 200
# What a charge that the gateway took may have become in our record.
_TAKEN = (states.AUTHORIZED, states.CAPTURED, *states.SUCCESSFUL)


def contradiction_outcome(text: str) -> str:
    """How a contradiction stands in ``gateway_callbacks.outcome``; the auditor looks for it."""
    return f"contradiction: {text}"[:_OUTCOME_LENGTH_MAX]


def keep_contradicting_answer(*, gateway_name: str, call: str, reference: UUID, text: str) -> None:
    """Keeps an answer that came after our record was settled otherwise, once, and logs an error."""
    logger.error("gateway %s contradicts our record of %s: %s", gateway_name, reference, text)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_callbacks (gateway_name, message_id, type, payload, processed_at,"
            " outcome) VALUES (%s, %s, %s, %s, now(), %s) ON CONFLICT DO NOTHING",
            [
                gateway_name,
                f"answer_{call}_{reference.hex}",
                f"answer.{call}",
                json_text({"reference": str(reference)}),
                contradiction_outcome(text),
            ],
        )


def note_late_change(*, transaction: Transaction, change: Change) -> None:
    """Compares a charge's late answer with the outcome that somebody else has written since."""
    told, ours = change.status, transaction.status
    # Accepted at first and refused later is how a charge may go; its message came first.
    refused_later = told == states.CAPTURED and transaction.captured_amount is not None
    if (told in _TAKEN and ours == states.FAILED and not refused_later) or (
        told == states.FAILED and ours in _TAKEN
    ):
        keep_contradicting_answer(
            gateway_name=transaction.gateway_name,
            call="authorize",
            reference=transaction.pk,
            text=f"the answer to the charge means {told}, and it is {ours}",
        )


def note_late_confirmation(*, transaction: Transaction, was_captured: bool) -> None:
    """Compares what was found by asking about a capture with what its message has told since."""
    if transaction.status in ((states.FAILED,) if was_captured else states.SUCCESSFUL):
        keep_contradicting_answer(
            gateway_name=transaction.gateway_name,
            call="lookup",
            reference=transaction.pk,
            text=f"looked up it was {'captured' if was_captured else 'refused'},"
            f" and it is {transaction.status}",
        )


def note_late_act(
    *, transaction: Transaction, operation: GatewayOperation, result: GatewayResult
) -> None:
    """Compares an act's late answer with the outcome that somebody else has written since."""
    if operation.status == GatewayOperation.PENDING or result.outcome is Outcome.UNKNOWN:
        return
    was_done = result.outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED)
    if was_done != (operation.status == GatewayOperation.SUCCEEDED):
        keep_contradicting_answer(
            gateway_name=transaction.gateway_name,
            call=operation.kind,
            reference=operation.pk,
            text=f"the answer to the {operation.kind} is {result.outcome.value},"
            f" and it has {operation.status}",
        )
