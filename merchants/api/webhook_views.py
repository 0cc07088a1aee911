"""Webhook endpoints and deliveries over HTTP."""

from typing import Any, ClassVar

from rest_framework.request import Request

from merchants.access import (
    get_webhook_delivery,
    get_webhook_endpoint,
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
from merchants.selectors import list_deliveries, newest_attempts
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
from merchants.webhook_models import WebhookEndpoint
from merchants.webhooks.delivery_ids import delivery_id
from payments_project.api.idempotent import atomic_operation
from payments_project.api.objects import ListObject
from payments_project.api.openapi import ListOf, Operation
from payments_project.api.paths import require_uuid
from payments_project.api.query import NoQuery
from payments_project.api.views import ApiView
from payments_project.database.pages import page_by_id, require_cursor
from payments_project.database.transaction_manager import run_in_transaction
from payments_project.events.selectors import get_event, types_named


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
        """Adds an endpoint.

        It gets what happens from now on. Its secret is in this answer, and in no other but that of
        its rotation. A merchant has up to twenty endpoints in an environment. The URL is `https`;
        in test mode `http` too, and on an embedded start of the service also on loopback.
        """
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
        """Changes what is given.

        One that is enabled again or gets another URL begins anew: that it failed is forgotten. What
        was told while it was disabled is sent by `resend` with `status: all`.
        """
        changes = self.body(UpdateWebhookEndpoint).model_dump(exclude_unset=True)
        identity = require_uuid(endpoint_id)
        endpoint = run_in_transaction(
            lambda: update_webhook_endpoint(
                scope=self.scope, endpoint_id=identity, changes=changes, actor=self.actor
            )
        )
        return endpoint_content(endpoint)

    def delete(self, request: Request, endpoint_id: str) -> dict[str, Any]:
        """Ends an endpoint for good.

        Nothing is sent to it any more, and it and its deliveries are not found any more.
        """
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
        """Gives the endpoint a new secret.

        The old one signs too until the overlap is over: a day, unless the call says otherwise, and
        a week at most. The secret is shown in this answer alone.
        """
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
        """Sends the endpoint a test event.

        Its type is `webhook_endpoint.test`, which comes whatever the endpoint asks for. The answer
        is its delivery, which tells later what became of it.
        """
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
        """Sends again what failed since a time, or everything.

        With `status: all` it is every event since then that the endpoint asks for, taken or not,
        and those that it never got: as while it was disabled, or before it was made. `since` is up
        to thirty days ago. A call looks at 10,000 events; with `has_more`, call again with
        `continue_from` as `since`.
        """
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
        """What was and is to be sent to an endpoint, newest event first.

        Deliveries are kept for six months, unless the service is set up otherwise.
        """
        query = self.query(WebhookDeliveryQuery)
        endpoint = self.endpoint(endpoint_id)
        filters = query.id_filters()
        if query.status is not None:
            filters["status"] = query.status
        if query.event_type is not None:
            filters["event_type__in"] = types_named(query.event_type, param="event_type")
        if query.event is not None:
            get_event(scope=self.scope, event_id=query.event, param="event")
            filters["pk"] = delivery_id(event_id=query.event, endpoint_id=endpoint.pk)
        page = list_deliveries(endpoint=endpoint, query=query, filters=filters)
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
        """One delivery with its attempts.

        They are the newest hundred of them, newest first.
        """
        self.query(NoQuery)
        delivery = get_webhook_delivery(scope=self.scope, delivery_id=require_uuid(delivery_id))
        return delivery_content(delivery, attempts=newest_attempts(delivery))


class ResendWebhookView(_WebhookView):
    """``/v1/webhook_deliveries/{id}/resend``."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation({200: WebhookDeliveryObject}, body=Nothing),
    }

    @atomic_operation
    def post(self, request: Request, delivery_id: str) -> dict[str, Any]:
        """Sends an event to its endpoint again.

        It is sent whether it was taken or not, from the first try, up to thirty days after it
        happened. `webhook-id` and body are the same as before.
        """
        self.body(Nothing)
        identity = require_uuid(delivery_id)
        delivery = get_webhook_delivery(scope=self.scope, delivery_id=identity)
        resend_webhook(scope=self.scope, delivery=delivery)
        return delivery_content(get_webhook_delivery(scope=self.scope, delivery_id=identity))
