"""Kill -9 of the web process between the steps of what is asked about disputes and refunds: evidence
goes out once, an acceptance costs once, a refund is cancelled or is not."""

import time
from uuid import UUID

import pytest

from disputes.models import Dispute, DisputeOperation, Refund, SimulatorDispute
from disputes.services.audit_books import audit_books
from disputes.services.resolve_dispute_acts import resolve_dispute_acts
from disputes.services.resolve_refunds import resolve_refunds
from payments_project.events.models import Event
from tests.api_client import new_key
from tests.disputes.disputing import disputed
from tests.faults.crashing_wsgi import AFTER_GATEWAY, BEFORE_GATEWAY
from tests.faults.test_kill_between_steps import (
    POINTS,
    MortalApi,
    end_lease,
    mortal,
    mortal_server,
    send_and_die,
)
from tests.gateway_messages import deliver_gateway_messages
from tests.server import Server
from transactions.balances import fold_balances
from transactions.gateways.lease import gateway_lease_seconds
from transactions.gateways.simulator.disputes import raise_dispute

__all__ = ["mortal", "mortal_server"]

ACTS = {
    "submit": ("", {"evidence": {"uncategorized_text": "losing_evidence"}, "submit": True}),
    "accept": ("/accept", {}),
}


@pytest.fixture(autouse=True)
def _callbacks_go_to_the_mortal_server(mortal_server: Server, settings: object) -> None:
    settings.PUBLIC_URL = mortal_server.url


def books_balance() -> None:
    deliver_gateway_messages()
    fold_balances()
    assert audit_books() == []


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("at", POINTS)
def test_what_was_asked_about_a_dispute_is_completed_by_the_retry(
    mortal: MortalApi, act: str, at: str
) -> None:
    dispute = disputed(mortal)
    tail, body = ACTS[act]
    path, key = f"/v1/disputes/{dispute['id']}{tail}", new_key()

    send_and_die(mortal, path, body, key=key, at=at)
    end_lease(key)
    late = mortal.post(path, body, key=key)
    again = mortal.post(path, body, key=key)

    assert late.status_code == 200, late.text
    assert late.json()["status"] == ("under_review" if act == "submit" else "lost")
    assert again.content == late.content
    operation = DisputeOperation.objects.get(dispute_id=dispute["id"])
    assert operation.status == "succeeded"
    theirs = SimulatorDispute.objects.get(charge_id=dispute["transaction"])
    assert theirs.submissions == [operation.pk]
    books_balance()
    assert Dispute.objects.get(pk=dispute["id"]).status == "lost"
    assert mortal.balance() == {"pending": 0, "available": 941 - 1000 - 1500, "reserved": 0}


@pytest.mark.parametrize("at", [BEFORE_GATEWAY, AFTER_GATEWAY])
def test_what_was_asked_about_a_dispute_is_completed_where_nobody_retries(
    mortal: MortalApi, at: str
) -> None:
    dispute = disputed(mortal)
    tail, body = ACTS["submit"]

    send_and_die(mortal, f"/v1/disputes/{dispute['id']}{tail}", body, key=new_key(), at=at)
    time.sleep(gateway_lease_seconds() + 0.3)
    # The outcome that the gateway has told meanwhile waits for the answer to what was asked.
    resolve_dispute_acts()

    books_balance()
    types = Event.objects.filter(aggregateid=dispute["id"]).order_by("sequence")
    assert [event.type for event in types][-2:] == ["dispute.evidence_submitted", "dispute.closed"]


@pytest.mark.parametrize("at", POINTS)
def test_a_cancelled_refund_is_completed_by_the_retry(mortal: MortalApi, at: str) -> None:
    payment = mortal.paid("4000000000007726", amount=1000)
    refund = mortal.post("/v1/refunds", {"transaction": payment["id"]}).json()
    path, key = f"/v1/refunds/{refund['id']}/cancel", new_key()

    send_and_die(mortal, path, {}, key=key, at=at)
    end_lease(key)
    late = mortal.post(path, key=key)

    assert (late.status_code, late.json()["status"]) == (200, "cancelled")
    assert mortal.transaction(payment["id"])["refunded_amount"] == 0
    books_balance()


def test_a_cancelled_refund_is_completed_where_nobody_retries(mortal: MortalApi) -> None:
    payment = mortal.paid("4000000000007726", amount=1000)
    refund = mortal.post("/v1/refunds", {"transaction": payment["id"]}).json()
    path = f"/v1/refunds/{refund['id']}/cancel"

    send_and_die(mortal, path, {}, key=new_key(), at=AFTER_GATEWAY)
    assert Refund.objects.get(pk=refund["id"]).status == "pending"
    time.sleep(gateway_lease_seconds() + 0.3)
    resolve_refunds()

    assert Refund.objects.get(pk=refund["id"]).status == "cancelled"
    books_balance()


def test_a_second_dispute_is_not_held_up(mortal: MortalApi) -> None:
    """One whose submission hangs keeps its own messages waiting, and nobody else's."""
    hanging = disputed(mortal)
    tail, body = ACTS["submit"]
    send_and_die(
        mortal, f"/v1/disputes/{hanging['id']}{tail}", body, key=new_key(), at=BEFORE_GATEWAY
    )
    payment = mortal.paid("4000000000000077", amount=500)
    identity = raise_dispute(charge=UUID(payment["id"]), amount=500)
    deliver_gateway_messages()

    assert Dispute.objects.get(gateway_dispute_id=identity).status == "open"
    time.sleep(gateway_lease_seconds() + 0.3)
    resolve_dispute_acts()
    books_balance()
