"""What events say of accounts, keys and customers: nothing personal, nothing secret."""

from typing import Any

from merchants.models import ApiKey, Customer, Merchant
from merchants.webhook_models import WebhookEndpoint


def customer_snapshot(customer: Customer) -> dict[str, Any]:
    """The customer as its events show it."""
    return {
        "external_customer_id": customer.external_customer_id,
        "risk": {
            "score": None if customer.risk_score is None else float(customer.risk_score),
            "level": customer.risk_level,
        },
        "is_active": bool(customer.is_active),
    }


def api_key_snapshot(key: ApiKey) -> dict[str, Any]:
    """The key as its events show it."""
    return {
        "prefix": key.key_prefix,
        "name": key.name,
        "type": key.key_type,
        "permissions": list(key.permissions or []),
        "is_active": bool(key.is_active),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def merchant_snapshot(merchant: Merchant) -> dict[str, Any]:
    """The account as its events show it."""
    return {
        "business_name": merchant.business_name,
        "status": merchant.status,
        "settlement_currency": merchant.settlement_currency,
        "settlement_delay_days": merchant.settlement_delay_days,
    }


def webhook_endpoint_snapshot(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """The endpoint as its events show it; its URL, which may hold a secret, is left to the API."""
    return {
        "status": endpoint.status,
        "enabled_events": list(endpoint.enabled_events),
        "disabled_reason": endpoint.disabled_reason,
    }
