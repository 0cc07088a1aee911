"""Sending the simulator's callbacks to our own callback address, as a real gateway would."""

import json
import logging
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.db import connection

from payments_project.database.statements import fetch_one
from transactions.gateways.simulator import disputes
from transactions.gateways.simulator.callbacks import SIGNATURE_HEADER, sign

logger = logging.getLogger(__name__)

ATTEMPTS_MAX = 20
TIMEOUT_SECONDS = 10

# What has happened at the gateway when it tells of it: its own record, by the message's type.
_HAPPENED = {
    "charge.succeeded": "UPDATE gateway_simulator_charges SET status = 'captured',"
    " updated_at = now() WHERE reference = %s AND status = 'confirming'",
    "refund.succeeded": "UPDATE gateway_simulator_refunds SET status = 'succeeded',"
    " updated_at = now() WHERE reference = %s AND status = 'pending'",
    "refund.failed": "UPDATE gateway_simulator_refunds SET status = 'failed',"
    " updated_at = now() WHERE reference = %s AND status <> 'failed'",
    "payout.paid": "UPDATE bank_simulator_transfers SET status = 'paid',"
    " updated_at = now() WHERE reference = %s AND status = 'accepted'",
    "payout.failed": "UPDATE bank_simulator_transfers SET status = 'failed',"
    " updated_at = now() WHERE reference = %s AND status = 'accepted'",
    "payout.returned": "UPDATE bank_simulator_transfers SET status = 'returned',"
    " updated_at = now() WHERE reference = %s AND status IN ('accepted', 'paid')",
}
# What a message is about: the first of these that it names.
_SUBJECTS = ("refund", "payout", "charge")


def send_due_callbacks(*, batch: int = 100) -> int:
    """Sends what is due; returns how many were accepted. One that fails is sent again later.

    Rows are leased before they are sent, so that two senders rarely send the same one; if they do,
    the receiver keeps one by its message id.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gateway_simulator_callbacks SET attempts = attempts + 1,"
            " due_at = now() + make_interval(secs => 10 * (attempts + 1))"
            " WHERE id IN (SELECT id FROM gateway_simulator_callbacks"
            " WHERE sent_at IS NULL AND due_at <= now() AND attempts < %s"
            " ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id, message",
            [ATTEMPTS_MAX, batch],
        )
        due = cursor.fetchall()
    sent = 0
    for callback_id, message in due:
        content = json.loads(message) if isinstance(message, str) else message
        if not _let_happen(content) or _send(json.dumps(content).encode()):
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE gateway_simulator_callbacks SET sent_at = now() WHERE id = %s",
                    [callback_id],
                )
            sent += 1
    return sent


def _let_happen(message: dict[str, Any]) -> bool:
    """The simulator's own record first: whoever asks on hearing the message finds it true.

    False for what does not happen any more: a refund that was called off is not paid out, and
    nothing is told of it.
    """
    kind, data = message["type"], message["data"]
    disputes.let_happen(kind, data)
    statement = _HAPPENED.get(kind)
    if statement is not None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [next(data[name] for name in _SUBJECTS if name in data)])
    return not (kind == "refund.succeeded" and _was_called_off(data["refund"]))


def _was_called_off(refund: str) -> bool:
    row = fetch_one("SELECT status FROM gateway_simulator_refunds WHERE reference = %s", [refund])
    return row is not None and row[0] == "barred"


def _send(body: bytes) -> bool:
    request = urllib.request.Request(  # noqa: S310 (our own address, from the settings)
        f"{settings.PUBLIC_URL}/v1/gateways/simulator/webhook",
        data=body,
        headers={"Content-Type": "application/json", SIGNATURE_HEADER: sign(body)},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            return bool(200 <= response.status < 300)
    except (urllib.error.URLError, OSError) as error:
        logger.warning("the simulator's callback was not accepted: %s", error)
        return False
