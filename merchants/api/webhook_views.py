"""Webhook endpoints and deliveries over HTTP."""

from typing import Any, ClassVar

from rest_framework.request import Request

from merchants.access import (
    get_webhook_delivery,
    get_webhook_endpoint,
    webhook_deliveries_of,
    webhook_endpoints_of,
)
from merchants.api.bodies import Nothing
from merchants.api.webhook_bodies import (
    CreateWebhookEndpoint,
    ResendWebhooks,
    RotateSecret,
    UpdateWebhookEndpoint,
    WebhookDeliveryQuery,
    WebhookEndpointQuery,
)
from merchants.api.webhook_objects import (
    WebhookDeliveryObject,
    WebhookEndpointObject,
    WebhookResendObject,
    delivery_content,
    endpoint_content,
)
from merchants.services.create_webhook_endpoint import create_webhook_endpoint
from merchants.services.resend_webhooks import (
    resend_webhook,
    resend_webhooks_since,
    send_test_webhook,
)
from merchants.services.rotate_webhook_secret import rotate_webhook_secret
from merchants.services.update_webhook_endpoint import (
    delete_webhook_endpoint,
    update_webhook_endpoint,
)
from merchants.webhook_models import WebhookAttempt, WebhookEndpoint
from payments_project.api.idempotent import atomic_operation
from payments_project.api.objects import ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.database.pages import page_by_id, require_cursor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.database.uuid7 import uuid_of
from payments_project.errors import ResourceMissing

ATTEMPTS_MAX = 100


class _WebhookView(ApiView):
    """What they share: the permissions, and the endpoint that the path names."""

    permissions_required: ClassVar[dict[str, str]] = {
        "GET": "webhooks:read",
        "POST": "webhooks:write",
        "PATCH": "webhooks:write",
        "DELETE": "webhooks:write",
    }

    def endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        """Raises ``ResourceMissing``."""
        return get_webhook_endpoint(scope=self.scope, endpoint_id=require_uuid(endpoint_id))


class WebhookEndpointsView(_WebhookView):
    """``/v1/webhook_endpoints``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(WebhookEndpointObject)}, query=WebhookEndpointQuery),
        "POST": Operation({201: WebhookEndpointObject}, body=CreateWebhookEndpoint),
    }

    secret_fields = ("secret",)

    def get(self, request: Request) -> dict[str, Any]:
        """Webhook endpoints, newest first."""
        query = self.query(WebhookEndpointQuery)
        rows = webhook_endpoints_of(self.scope)
        require_cursor(query, lambda pk: rows.filter(pk=pk).exists())
        page = page_by_id(rows.filter(**query.created_filters()), query)
        return ListObject(
            url="/v1/webhook_endpoints",
            has_more=page.has_more,
            data=[endpoint_content(row) for row in page.rows],
        ).model_dump(mode="json")

    @atomic_operation
    def post(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Adds an endpoint, which gets what happens from now on. Its secret is shown once."""
        body = self.body(CreateWebhookEndpoint)
        made = create_webhook_endpoint(
            scope=self.scope,
            actor=self.actor,
            url=body.url,
            enabled_events=body.enabled_events,
            description=body.description,
        )
        return 201, endpoint_content(self.endpoint(str(made.pk)), secret=made.secret)


class WebhookEndpointView(_WebhookView):
    """``/v1/webhook_endpoints/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: WebhookEndpointObject}),
        "PATCH": Operation({200: WebhookEndpointObject}, body=UpdateWebhookEndpoint),
        "DELETE": Operation({200: WebhookEndpointObject}),
    }

    def get(self, request: Request, endpoint_id: str) -> dict[str, Any]:
        """One endpoint."""
        self.query(NoQuery)
        return endpoint_content(self.endpoint(endpoint_id))

    def patch(self, request: Request, endpoint_id: str) -> dict[str, Any]:
        """Changes what is given. One that is enabled again begins anew."""
        changes = self.body(UpdateWebhookEndpoint).model_dump(exclude_unset=True)
        identity = require_uuid(endpoint_id)
        endpoint = run_in_transaction(
            lambda: update_webhook_endpoint(
                scope=self.scope, endpoint_id=identity, changes=changes, actor=self.actor
            )
        )
        return endpoint_content(endpoint)

    def delete(self, request: Request, endpoint_id: str) -> dict[str, Any]:
        """Ends an endpoint for good."""
        self.query(NoQuery)
        identity = require_uuid(endpoint_id)
        endpoint = run_in_transaction(
            lambda: delete_webhook_endpoint(
                scope=self.scope, endpoint_id=identity, actor=self.actor
            )
        )
        return endpoint_content(endpoint)


class RotateSecretView(_WebhookView):
    """``/v1/webhook_endpoints/{id}/rotate_secret``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: WebhookEndpointObject}, body=RotateSecret),
    }

    secret_fields = ("secret",)

    @atomic_operation
    def post(self, request: Request, endpoint_id: str) -> dict[str, Any]:
        """Gives the endpoint a new secret. The old one signs too until the overlap is over: a day,
        unless the call says otherwise."""
        body = self.body(RotateSecret)
        endpoint = rotate_webhook_secret(
            scope=self.scope,
            endpoint_id=require_uuid(endpoint_id),
            overlap_seconds=body.overlap_seconds,
            actor=self.actor,
        )
        return endpoint_content(endpoint, secret=endpoint.secret)


class TestWebhookEndpointView(_WebhookView):
    """``/v1/webhook_endpoints/{id}/test``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({201: WebhookDeliveryObject}, body=Nothing),
    }

    @atomic_operation
    def post(self, request: Request, endpoint_id: str) -> tuple[int, dict[str, Any]]:
        """Sends the endpoint an event of type `webhook_endpoint.test`, whatever it asks for."""
        self.body(Nothing)
        identity = send_test_webhook(
            scope=self.scope, endpoint_id=require_uuid(endpoint_id), actor=self.actor
        )
        return 201, delivery_content(get_webhook_delivery(scope=self.scope, delivery_id=identity))


class ResendWebhooksView(_WebhookView):
    """``/v1/webhook_endpoints/{id}/resend``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: WebhookResendObject}, body=ResendWebhooks),
    }

    @atomic_operation
    def post(self, request: Request, endpoint_id: str) -> tuple[int, WebhookResendObject]:
        """Sends again what failed since a time, or, with `status: all`, every event since then that
        the endpoint wants, those that it never got included."""
        body = self.body(ResendWebhooks)
        identity = require_uuid(endpoint_id)
        resent = resend_webhooks_since(
            scope=self.scope,
            endpoint_id=identity,
            since=body.since,
            only_failed=body.status == "failed",
        )
        return 200, WebhookResendObject(
            endpoint=identity,
            count=resent.count,
            has_more=resent.continue_from is not None,
            continue_from=resent.continue_from,
        )


class WebhookDeliveriesView(_WebhookView):
    """``/v1/webhook_endpoints/{id}/deliveries``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: ListOf(WebhookDeliveryObject)}, query=WebhookDeliveryQuery),
    }

    def get(self, request: Request, endpoint_id: str) -> dict[str, Any]:
        """What was and is to be sent to an endpoint, newest event first."""
        query = self.query(WebhookDeliveryQuery)
        endpoint = self.endpoint(endpoint_id)
        own = webhook_deliveries_of(self.scope).filter(endpoint=endpoint)
        require_cursor(query, lambda pk: own.filter(pk=pk).exists())
        rows = own.filter(**query.id_filters())
        if query.status is not None:
            rows = rows.filter(status=query.status)
        if query.event_type is not None:
            rows = rows.filter(event_type=query.event_type)
        if query.event is not None:
            event_id = uuid_of(query.event)
            if event_id is None:
                raise ResourceMissing(f"No such event: {query.event}", param="event")
            rows = rows.filter(event_id=event_id)
        page = page_by_id(rows, query)
        return ListObject(
            url=f"/v1/webhook_endpoints/{endpoint.pk}/deliveries",
            has_more=page.has_more,
            data=[delivery_content(row) for row in page.rows],
        ).model_dump(mode="json")


class WebhookDeliveryView(_WebhookView):
    """``/v1/webhook_deliveries/{id}``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: WebhookDeliveryObject}),
    }

    def get(self, request: Request, delivery_id: str) -> dict[str, Any]:
        """One delivery with its attempts, the newest hundred of them."""
        self.query(NoQuery)
        delivery = get_webhook_delivery(scope=self.scope, delivery_id=require_uuid(delivery_id))
        attempts = WebhookAttempt.objects.filter(delivery_id=delivery.pk).order_by("-pk")
        return delivery_content(delivery, attempts=list(attempts[:ATTEMPTS_MAX]))


class ResendWebhookView(_WebhookView):
    """``/v1/webhook_deliveries/{id}/resend``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: WebhookDeliveryObject}, body=Nothing),
    }

    @atomic_operation
    def post(self, request: Request, delivery_id: str) -> dict[str, Any]:
        """Sends an event to its endpoint again, whether it took it or not."""
        self.body(Nothing)
        identity = require_uuid(delivery_id)
        delivery = get_webhook_delivery(scope=self.scope, delivery_id=identity)
        resend_webhook(scope=self.scope, delivery=delivery)
        return delivery_content(get_webhook_delivery(scope=self.scope, delivery_id=identity))
