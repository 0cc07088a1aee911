"""The one door to a tenant's customers, keys, webhook endpoints and deliveries."""

from uuid import UUID

from django.db.models import QuerySet

from merchants.models import ApiKey, Customer
from merchants.webhook_models import WebhookDelivery, WebhookEndpoint
from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope


def customers_of(scope: Scope) -> "QuerySet[Customer]":
    """All customers of a merchant in an environment, deleted ones included."""
    return Customer.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_customer(*, scope: Scope, customer_id: UUID, param: str | None = None) -> Customer:
    """One customer. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    customer = customers_of(scope).filter(pk=customer_id).first()
    if customer is None:
        raise ResourceMissing(f"No such customer: {customer_id}", param=param)
    return customer


def get_active_customer(*, scope: Scope, customer_id: UUID, param: str | None = None) -> Customer:
    """One customer that is not deleted. Raises ``ResourceMissing``."""
    customer = get_customer(scope=scope, customer_id=customer_id, param=param)
    if not customer.is_active:
        raise ResourceMissing(f"The customer was deleted: {customer_id}", param=param)
    return customer


def api_keys_of(scope: Scope) -> "QuerySet[ApiKey]":
    """All API keys of a merchant in an environment."""
    return ApiKey.objects.filter(merchant_id=scope.merchant_id, environment=scope.environment)


def get_api_key(*, scope: Scope, api_key_id: UUID) -> ApiKey:
    """One key. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    key = api_keys_of(scope).filter(pk=api_key_id).first()
    if key is None:
        raise ResourceMissing(f"No such API key: {api_key_id}")
    return key


def webhook_endpoints_of(scope: Scope) -> "QuerySet[WebhookEndpoint]":
    """A merchant's webhook endpoints in an environment, but for deleted ones."""
    return WebhookEndpoint.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment, deleted_at__isnull=True
    )


def get_webhook_endpoint(*, scope: Scope, endpoint_id: UUID) -> WebhookEndpoint:
    """One endpoint. Raises ``ResourceMissing`` for another merchant's or environment's too."""
    endpoint = webhook_endpoints_of(scope).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise ResourceMissing(f"No such webhook endpoint: {endpoint_id}")
    return endpoint


def webhook_deliveries_of(scope: Scope) -> "QuerySet[WebhookDelivery]":
    """All deliveries to a merchant's endpoints in an environment."""
    return WebhookDelivery.objects.filter(
        merchant_id=scope.merchant_id, environment=scope.environment
    )


def deliveries_to(endpoint: WebhookEndpoint) -> "QuerySet[WebhookDelivery]":
    """All deliveries to an endpoint, which the caller has through this module."""
    return WebhookDelivery.objects.filter(endpoint=endpoint)


def get_webhook_delivery(*, scope: Scope, delivery_id: UUID) -> WebhookDelivery:
    """One delivery. Raises ``ResourceMissing`` for another merchant's or environment's too, and for
    those to a deleted endpoint."""
    delivery = (
        webhook_deliveries_of(scope)
        .filter(pk=delivery_id, endpoint__deleted_at__isnull=True)
        .first()
    )
    if delivery is None:
        raise ResourceMissing(f"No such webhook delivery: {delivery_id}")
    return delivery
