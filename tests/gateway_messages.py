"""The simulator's callbacks, delivered over HTTP and applied now rather than some seconds later."""

import time

from django.db import connection
from django.db.models.functions import Now

from transactions.gateways.simulator.delivery import send_due_callbacks
from transactions.models import GatewayCallback
from transactions.services.callbacks import apply_callbacks

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


def forget_contradictions() -> None:
    """Takes away what gateways said against our record, as a test had them do: the auditor of
    every later test would report it."""
    GatewayCallback.objects.filter(outcome__startswith="contradiction:").delete()
