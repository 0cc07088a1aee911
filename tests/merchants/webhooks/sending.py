"""Webhooks from a call of the API to the merchant's server, without workers: step by step."""

from typing import Any
from uuid import UUID

from django.db import connection

from merchants.models import webhook_models
from merchants.services.deliver_webhooks import deliver_webhooks
from merchants.services.fan_out_webhooks import fan_out
from payments_project.events.logged import COLUMNS, EventRow, LoggedEvent, from_log
from tests.api_client import Api


def make_endpoint(api: Api, url: str, **values: Any) -> dict[str, Any]:
    """An endpoint as the API answers it, its secret included."""
    response = api.post("/v1/webhook_endpoints", {"url": url, **values})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def events_after(merchant_id: UUID, position: int = 0) -> list[LoggedEvent]:
    """A merchant's events, as a consumer gets them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM events WHERE merchant_id = %s AND position > %s"
            " ORDER BY position",
            [merchant_id, position],
        )
        return [from_log(EventRow._make(row)) for row in cursor.fetchall()]


def fan_out_all(api: Api) -> None:
    """All events of the merchant so far, as the consumer would; doing it again does nothing."""
    fan_out(events_after(api.scope.merchant_id))


def deliver(endpoint: dict[str, Any]) -> int:
    """What a worker does when it is asked."""
    return deliver_webhooks(UUID(endpoint["id"]))


def make_due(endpoint: dict[str, Any]) -> None:
    """As if the pauses were over."""
    webhook_models.WebhookEndpoint.objects.filter(pk=endpoint["id"]).update(paused_until=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 second'"
            " WHERE endpoint_id = %s AND status = 'pending'",
            [endpoint["id"]],
        )


def deliveries(api: Api, endpoint: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    """As the API lists them."""
    response = api.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries", **filters)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]
    return found


def attempts(api: Api, delivery: dict[str, Any]) -> list[dict[str, Any]]:
    """A delivery's log, oldest first."""
    response = api.get(f"/v1/webhook_deliveries/{delivery['id']}")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["attempts"]
    return found[::-1]
