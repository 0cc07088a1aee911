"""Changes that write events, and reading what they wrote."""

from typing import Any
from uuid import UUID

from disputes.models import Dispute
from disputes.services.close_dispute import close_dispute
from payments_project.actor import SYSTEM
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.models import Event
from tests.api_client import VISA, Api
from tests.gateway_messages import deliver_gateway_messages

RECORD = {
    "amount": 1000,
    "currency": "USD",
    "payment_method_type": "cash",
    "external_reference": "receipt 7",
}
NOTE = {"description": "Lamp", "metadata": {"a": "b"}}
CARD = {"type": "card", "card": {"number": VISA, "exp_month": 12, "exp_year": 2034}}
# What the API contract names, and adjustments and test events, which it leaves out.
TYPES = {
    "transaction": "created authorized captured succeeded failed cancelled refunded disputed"
    " updated",
    "refund": "created succeeded failed cancelled",
    "dispute": "created updated evidence_submitted due_soon closed funds_withdrawn funds_reinstated",
    "payment_method": "created attached detached updated expiring",
    "customer": "created updated deleted",
    "api_key": "created rotated revoked",
    "payout": "created paid failed cancelled",
    "balance_adjustment": "created",
    "merchant": "updated",
    "webhook_endpoint": "created updated disabled test",
}


class Undone(Exception):
    """Ends a transaction that is to be rolled back."""


def events_of(identity: object) -> list[Event]:
    """One object's events in the order in which a reader takes them."""
    return list(Event.objects.filter(aggregateid=str(identity)).order_by("position"))


def told(identity: object) -> list[str]:
    """The types of one object's events; their numbers are checked on the way."""
    events = events_of(identity)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events]


def taken(api: Api, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a POST that is expected to be taken."""
    response = api.post(f"/v1/{path}", body)
    assert response.status_code in (200, 201), response.text
    answer: dict[str, Any] = response.json()
    return answer


def disputed(api: Api, number: str) -> tuple[str, str]:
    """A payment that was disputed, and its dispute: their ids."""
    payment = api.paid(number)["id"]
    deliver_gateway_messages()
    return payment, str(Dispute.objects.get(transaction_id=payment).pk)


def close(dispute_id: str, status: str) -> None:
    run_in_transaction(
        lambda: close_dispute(dispute_id=UUID(dispute_id), status=status, actor=SYSTEM)
    )
