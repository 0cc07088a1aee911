"""Disputes as their merchants meet them, and files to answer with."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx

from disputes.models import Dispute, SimulatorDispute
from tests.api_client import Api
from tests.gateway_messages import deliver_gateway_messages
from transactions.gateways.simulator.disputes import raise_dispute

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 40


def disputed(api: Api, *, amount: int = 1000, **details: Any) -> dict[str, Any]:
    """A dispute of a fresh payment, told by the gateway."""
    payment = api.paid("4000000000000077", amount=amount)
    identity = raise_dispute(charge=UUID(payment["id"]), amount=amount, **details)
    deliver_gateway_messages()
    row = Dispute.objects.get(gateway_dispute_id=identity)
    found: dict[str, Any] = api.get(f"/v1/disputes/{row.pk}").json()
    return found


def answer(api: Api, dispute: dict[str, Any], body: dict[str, Any], **more: Any) -> httpx.Response:
    return api.post(f"/v1/disputes/{dispute['id']}", body, **more)


def upload(
    api: Api,
    content: bytes = PDF,
    *,
    filename: str = "receipt.pdf",
    purpose: str | None = "dispute_evidence",
    key: str | None = None,
) -> httpx.Response:
    return api.http.post(
        "/v1/files",
        data={} if purpose is None else {"purpose": purpose},
        files={"file": (filename, content)},
        headers={"Idempotency-Key": key} if key else {},
    )


def uploaded(api: Api, content: bytes = PDF, **more: Any) -> str:
    response = upload(api, content, **more)
    assert response.status_code == 201, response.text
    identity: str = response.json()["id"]
    return identity


def due(dispute: dict[str, Any], day: date) -> None:
    """Moves a dispute's last day, here and at the simulator."""
    row = Dispute.objects.get(pk=dispute["id"])
    Dispute.objects.filter(pk=row.pk).update(due_date=day)
    SimulatorDispute.objects.filter(pk=row.gateway_dispute_id).update(due_date=day)
