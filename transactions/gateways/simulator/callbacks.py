"""The simulator's callbacks: what it tells later, signed, over HTTP, as a real gateway would.

Signature: ``Simulator-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`` with
``SIMULATOR_SIGNING_KEY``; a message older than five minutes is refused.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from transactions.gateways.interface import Callback, InvalidCallback
from transactions.gateways.simulator import cards
from transactions.gateways.simulator.cards import Scenario

SIGNATURE_HEADER = "Simulator-Signature"
TOLERANCE_SECONDS = 300
DAYS_TO_RESPOND = 14


def after_payment(scenario: Scenario, charge: UUID, amount: int) -> list[dict[str, Any]]:
    """The messages that follow a captured charge: its confirmation, or the cardholder's dispute."""
    messages = []
    if scenario.outcome == cards.CONFIRMED_LATER:
        messages.append(message("charge.succeeded", charge, {"charge": str(charge)}))
    if scenario.dispute_type:
        messages.append(
            dispute_created(
                occasion=charge,
                charge=charge,
                dispute=f"sim_dp_{charge.hex}",
                dispute_type=scenario.dispute_type,
                reason=scenario.dispute_reason,
                amount=amount,
            )
        )
    return messages


def dispute_created(
    *,
    occasion: UUID,
    charge: UUID,
    dispute: str,
    dispute_type: str,
    reason: str | None,
    amount: int,
    due_date: date | None = None,
) -> dict[str, Any]:
    """``dispute.created``; the merchant has fourteen days unless ``due_date`` says otherwise."""
    last_day = due_date or datetime.now(UTC).date() + timedelta(days=DAYS_TO_RESPOND)
    data = {
        "charge": str(charge),
        "dispute": dispute,
        "type": dispute_type,
        "reason": reason,
        "amount": amount,
        "due_date": last_day.isoformat(),
    }
    return message("dispute.created", occasion, data)


def after_refund(scenario: Scenario, reference: UUID, amount: int) -> list[dict[str, Any]]:
    """The messages that follow a refund: its late success or its late failure."""
    late = {"pending_then_succeeded": "refund.succeeded", "succeeded_then_failed": "refund.failed"}
    if scenario.refund not in late:
        return []
    return [message(late[scenario.refund], reference, {"refund": str(reference), "amount": amount})]


def sign(body: bytes, *, timestamp: int | None = None) -> str:
    """The signature header's value for a body."""
    moment = int(time.time()) if timestamp is None else timestamp
    digest = _digest(moment, body)
    return f"t={moment},v1={digest}"


def parse(*, headers: Mapping[str, str], body: bytes) -> Callback:
    """Verifies the signature and reads the message. Raises ``InvalidCallback``."""
    parts = dict(
        part.split("=", 1) for part in headers.get(SIGNATURE_HEADER, "").split(",") if "=" in part
    )
    timestamp = parts.get("t", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise InvalidCallback("The signature header is missing or malformed.")
    # As bytes: text that is not ASCII can't be compared in constant time.
    expected, given = _digest(int(timestamp), body), parts.get("v1", "").lower()
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise InvalidCallback("The signature does not match the body.")
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise InvalidCallback("The signature is too old.")
    return _read(body)


def _read(body: bytes) -> Callback:
    """A verified message; what our tables could not hold is refused, for good."""
    try:
        message = json.loads(body)
        callback = Callback(message["id"], message["type"], message["data"])
        text = json.dumps(message, ensure_ascii=False).encode()  # Refuses half a surrogate pair.
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidCallback("The message can't be read.") from None
    for name, length_max in ((callback.message_id, 100), (callback.type, 60)):
        if not isinstance(name, str) or not 0 < len(name) <= length_max:
            raise InvalidCallback("The message's id or type can't be read.")
    if not isinstance(callback.payload, dict) or b"\\u0000" in text:
        raise InvalidCallback("The message's data can't be read.")
    return callback


def _digest(timestamp: int, body: bytes) -> str:
    if not settings.SIMULATOR_SIGNING_KEY:
        raise InvalidCallback("The simulator is not configured.")
    key = settings.SIMULATOR_SIGNING_KEY.encode()
    return hmac.new(key, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def message(kind: str, reference: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """A message; of one kind there is one per ``reference``, which is what its id is made of."""
    return {"id": f"simevt_{reference.hex}_{kind}", "type": kind, "data": data}
