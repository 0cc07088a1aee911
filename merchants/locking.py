"""Row locks of this app."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models.functions import Now

from merchants.models import ApiKey, Customer, Merchant, MerchantNotice
from merchants.webhook_models import WebhookEndpoint
from payments_project.errors import ResourceMissing
from payments_project.tenancy import Scope


def lock_customer(*, scope: Scope, customer_id: UUID) -> Customer:
    """The customer, locked to the end of the caller's transaction. Raises ``ResourceMissing``."""
    customer = (
        Customer.objects.select_for_update()
        .filter(pk=customer_id, merchant_id=scope.merchant_id, environment=scope.environment)
        .first()
    )
    if customer is None:
        raise ResourceMissing(f"No such customer: {customer_id}")
    return customer


def lock_customers(customer_ids: Sequence[UUID]) -> None:
    """Locks those of the customers that there are, of whichever merchants, in the order of their
    keys, to the end of the caller's transaction."""
    customers = Customer.objects.select_for_update().filter(pk__in=customer_ids)
    list(customers.order_by("pk").values_list("pk"))


def lock_api_key(*, scope: Scope, api_key_id: UUID) -> ApiKey:
    """The key, locked to the end of the caller's transaction. Raises ``ResourceMissing``."""
    key = (
        ApiKey.objects.select_for_update()
        .filter(pk=api_key_id, merchant_id=scope.merchant_id, environment=scope.environment)
        .first()
    )
    if key is None:
        raise ResourceMissing(f"No such API key: {api_key_id}")
    return key


def lock_merchant(merchant_id: UUID) -> Merchant:
    """The merchant, locked to the end of the caller's transaction. Raises ``ResourceMissing``."""
    merchant = Merchant.objects.select_for_update().filter(pk=merchant_id).first()
    if merchant is None:
        raise ResourceMissing(f"No such merchant: {merchant_id}")
    return merchant


def lock_webhook_endpoint(endpoint_id: UUID) -> WebhookEndpoint | None:
    """An endpoint, deleted ones included, locked to the end of the caller's transaction; None if
    there is none."""
    return WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()


def lock_own_webhook_endpoint(*, scope: Scope, endpoint_id: UUID) -> WebhookEndpoint:
    """The merchant's endpoint, locked to the end of the caller's transaction. Raises
    ``ResourceMissing``, for a deleted one too."""
    endpoint = (
        WebhookEndpoint.objects.select_for_update(no_key=True)
        .filter(
            pk=endpoint_id,
            merchant_id=scope.merchant_id,
            environment=scope.environment,
            deleted_at__isnull=True,
        )
        .first()
    )
    if endpoint is None:
        raise ResourceMissing(f"No such webhook endpoint: {endpoint_id}")
    return endpoint


def try_lock_notice(notice_id: UUID) -> MerchantNotice | None:
    """A notice that is due, its row locked to the end of the caller's transaction; None if it is
    not due any more, or if another process is at it."""
    return (
        MerchantNotice.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("merchant")
        .filter(
            pk=notice_id,
            sent_at__isnull=True,
            gave_up_at__isnull=True,
            next_attempt_at__lte=Now(),
        )
        .first()
    )
