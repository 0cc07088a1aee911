"""The simulator's callbacks, delivered over HTTP and applied now rather than some seconds later."""

import json
import time
from typing import Any
from uuid import uuid4

from django.db import connection
from django.db.models.functions import Now

from transactions.gateways.simulator import callbacks
from transactions.gateways.simulator.delivery import send_due_callbacks
from transactions.models import GatewayCallback
from transactions.services.callbacks import apply_callbacks, receive_callback

SECONDS_MAX = 10


def deliver_gateway_messages() -> None:
    """Returns when every callback that is due has been sent to the server and applied."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        send_due_callbacks()
        # What was put off is due now, as if the time were over.
        GatewayCallback.objects.filter(processed_at=None).update(next_attempt_at=Now())
        apply_callbacks()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM gateway_simulator_callbacks WHERE sent_at IS NULL)"
                " + (SELECT count(*) FROM gateway_callbacks WHERE processed_at IS NULL)"
            )
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.05)
    raise AssertionError("callbacks were not delivered")


def told(kind: str, **data: Any) -> GatewayCallback:
    """A message of the simulator's, received and applied."""
    body = json.dumps({"id": f"test_{uuid4().hex}", "type": kind, "data": data}).encode()
    headers = {callbacks.SIGNATURE_HEADER: callbacks.sign(body)}
    message = receive_callback(gateway_name="simulator", headers=headers, body=body)
    apply_callbacks()
    message.refresh_from_db()
    assert message.processed_at is not None
    return message


def forget_contradictions() -> None:
    """Takes away what gateways said against our record, as a test had them do: the auditor of
    every later test would report it."""
    GatewayCallback.objects.filter(outcome__startswith="contradiction:").delete()
