"""Merchants, their API keys and their customers in the console."""

from merchants.admin import accounts, api_keys, customers, notices

__all__ = ["accounts", "api_keys", "customers", "notices"]
