"""Merchants, their API keys, their customers and their webhooks in the console."""

from merchants.admin import (
    accounts,
    api_keys,
    customers,
    notices,
    webhook_deliveries,
    webhook_endpoints,
)

__all__ = [
    "accounts",
    "api_keys",
    "customers",
    "notices",
    "webhook_deliveries",
    "webhook_endpoints",
]
